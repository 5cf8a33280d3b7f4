"""Results behind `tl-keras recommend`."""
