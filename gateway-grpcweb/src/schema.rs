//! What the services' own descriptors tell of their types.

#[allow(
    dead_code,
    reason = "tools and documents are made of it as soon as descriptors are learnt"
)]
pub(crate) mod comments;
#[allow(
    dead_code,
    reason = "tools and documents are made of it as soon as descriptors are learnt"
)]
pub(crate) mod json_schema;
