"""Labels that `tl-keras label` asks for, its forecast and its page."""
