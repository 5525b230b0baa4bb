"""Step 3: expectation values as if there were no noise.

Each method is a pair of pure functions: ``construct`` says what to run, ``combine`` turns the shots into a correction.
"""
