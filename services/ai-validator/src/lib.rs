//! AI validation.
