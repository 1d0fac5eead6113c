"""Tables and statements of risk scoring."""
