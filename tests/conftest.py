"""What every test may count on."""

import signal


def pytest_configure() -> None:
    """Let child processes be interrupted, also where the suite itself was started in the background of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
