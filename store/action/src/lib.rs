//! Digests, canonical encodings and the action graph, without IO.
