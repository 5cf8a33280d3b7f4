"""Jobs: one file per command, from configuration to run folder."""
