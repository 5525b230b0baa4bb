"""`require`: one rule of a contract."""


def require(condition: bool, sentence: str) -> None:
    """Raise the sentence that names the rule where the condition does not hold.

    Raises:
        AssertionError: it does not hold.
    """
    if not condition:
        raise AssertionError(sentence)
