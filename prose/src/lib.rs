//! English prose as spans.
