"""The closed loop: stages as values, the driver, and the ablation that fills the ledger."""
