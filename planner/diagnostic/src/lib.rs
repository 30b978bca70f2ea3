//! Codes, spans and diagnostics shared by every stage.
