"""The ground floor: errors, settings, seeds, estimates, ledgers, pages, memos and progress."""
