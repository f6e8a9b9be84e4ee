//! The gateway.
mod cors;
mod deadline;
mod frames;
mod page;
mod protocol;
mod text;
mod headers;
mod metrics;
mod record;
mod request;
