"""Control: what an operator may ask and do, once for all faces."""
