"""Training with the built-in XGBoost algorithm's rules: hyperparameters, channels, rounds, the artifact."""
