//! The host half of every target: how it links, packs and runs.
