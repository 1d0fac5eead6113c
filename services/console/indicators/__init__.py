"""The indicators K1 to K20 as data: what was asked, what is counted, and how it is told (policy `kpis`)."""
