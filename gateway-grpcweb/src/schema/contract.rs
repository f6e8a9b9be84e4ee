//! What a service's descriptors say, ready to be looked up: methods, their types, comments and options.

use std::sync::Arc;

use http::Uri;
use lyceum::principal::Access;
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor, ServiceDescriptor, Value};
use prost_types::method_options::IdempotencyLevel;

use super::comments::Comments;
use crate::access;

/// One `package.Service`.
#[derive(Debug)]
pub(crate) struct ServiceInfo {
    /// `package.Service`.
    pub(crate) name: String,
    /// The Consul service that serves it.
    pub(crate) owner: Arc<str>,
    /// What its contract says of it; empty where it says nothing.
    pub(crate) comment: String,
    /// In the contract's order.
    pub(crate) methods: Vec<Arc<MethodInfo>>,
}

/// One method.
#[derive(Debug)]
pub(crate) struct MethodInfo {
    /// `/package.Service/Method`.
    pub(crate) path: String,
    /// The same, to be asked for.
    pub(crate) uri: Uri,
    /// `package.Service`.
    pub(crate) service: String,
    /// `Method`.
    pub(crate) name: String,
    /// The Consul service that serves it.
    pub(crate) owner: Arc<str>,
    /// What the caller sends.
    pub(crate) input: MessageDescriptor,
    /// What the service answers.
    pub(crate) output: MessageDescriptor,
    /// Whether the caller sends many messages.
    pub(crate) client_streaming: bool,
    /// Whether the service answers with many messages.
    pub(crate) server_streaming: bool,
    /// What sending it twice does.
    pub(crate) idempotency: Idempotency,
    /// Whether its contract says that it should no longer be used.
    pub(crate) deprecated: bool,
    /// What its contract says of it; empty where it says nothing.
    pub(crate) comment: String,
    /// Who may call it, where its contract says so.
    pub(crate) access: Option<Access>,
    /// The method as reflected, with its options.
    pub(crate) descriptor: MethodDescriptor,
}

/// What a contract promises of a method that is sent twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// Nothing.
    #[default]
    Unknown,
    /// It changes nothing at all.
    NoSideEffects,
    /// The second time changes nothing more.
    Idempotent,
}

/// The services of these names that a pool has.
pub(crate) fn services<'a>(
    pool: &DescriptorPool,
    owner: &Arc<str>,
    names: impl Iterator<Item = &'a str>,
) -> Vec<Arc<ServiceInfo>> {
    let mut comments = Comments::default();
    names
        .filter_map(|name| pool.get_service_by_name(name))
        .map(|service| Arc::new(ServiceInfo::new(&service, owner, &mut comments)))
        .collect()
}

/// Takes back what new services say of who may call them.
pub(crate) fn close(services: &mut [Arc<ServiceInfo>]) {
    for service in services.iter_mut().filter_map(Arc::get_mut) {
        for method in service.methods.iter_mut().filter_map(Arc::get_mut) {
            method.access = None;
        }
    }
}

// === impl ServiceInfo ===

impl ServiceInfo {
    fn new(service: &ServiceDescriptor, owner: &Arc<str>, comments: &mut Comments) -> Self {
        let file = service.parent_file();
        let options = service.service_descriptor_proto().options.as_ref();
        let deprecated = options.is_some_and(|options| options.deprecated())
            || file
                .file_descriptor_proto()
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated());
        let methods = service
            .methods()
            .map(|method| Arc::new(MethodInfo::new(method, deprecated, owner, comments)))
            .collect();
        Self {
            name: service.full_name().to_owned(),
            owner: Arc::clone(owner),
            comment: comments.at(&file, service.path()).unwrap_or_default().to_owned(),
            methods,
        }
    }
}

// === impl MethodInfo ===

impl MethodInfo {
    fn new(descriptor: MethodDescriptor, deprecated: bool, owner: &Arc<str>, comments: &mut Comments) -> Self {
        let service = descriptor.parent_service().full_name().to_owned();
        let options = descriptor.method_descriptor_proto().options.as_ref();
        let idempotency = match options.map(|options| options.idempotency_level()) {
            Some(IdempotencyLevel::NoSideEffects) => Idempotency::NoSideEffects,
            Some(IdempotencyLevel::Idempotent) => Idempotency::Idempotent,
            Some(IdempotencyLevel::IdempotencyUnknown) | None => Idempotency::Unknown,
        };
        let path = format!("/{service}/{}", descriptor.name());
        Self {
            // Names are letters, digits, dots and underscores, or the pool would not have them.
            uri: path.parse().unwrap_or_default(),
            path,
            name: descriptor.name().to_owned(),
            service,
            owner: Arc::clone(owner),
            input: descriptor.input(),
            output: descriptor.output(),
            client_streaming: descriptor.is_client_streaming(),
            server_streaming: descriptor.is_server_streaming(),
            idempotency,
            deprecated: deprecated || options.is_some_and(|options| options.deprecated()),
            comment: comments
                .at(&descriptor.parent_file(), descriptor.path())
                .unwrap_or_default()
                .to_owned(),
            access: option(&descriptor, access::OPTION).and_then(|said| access::read(&said)),
            descriptor,
        }
    }

    /// The value of an option of the method that is an extension, by its full name; none where it is not set.
    pub(crate) fn option(&self, extension: &str) -> Option<Value> {
        option(&self.descriptor, extension)
    }
}

fn option(method: &MethodDescriptor, extension: &str) -> Option<Value> {
    let options = method.options();
    options
        .extensions()
        .find(|(known, _)| known.full_name() == extension)
        .map(|(_, value)| value.clone())
}
