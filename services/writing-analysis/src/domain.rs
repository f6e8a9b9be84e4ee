//! The rules of writing analysis, free of I/O and of the contract's types.
//!
//! What: each module is one published measure or one kind of observation over a [`reading::Reading`]. Why apart from
//! the adapter: they are tested, benchmarked and cited on their own. When not: nothing here decides what a caller may
//! send; the adapter does. Source: each module names its publication.

