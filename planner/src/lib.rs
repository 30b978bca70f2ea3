//! From manifest text to a checked device graph and an action graph, without IO.
