"""The model cards, written from what backtests measured (Mitchell et al. 2019, "Model cards")."""
