//! Server reflection over what every service said of itself, as one server would tell it.
//!
//! **What.** Names and symbols of all services; a file comes with the files that it needs, each once a stream. v1alpha is
//! the same protocol under another name, which older tools alone know: it is answered by the same code.
//!
//! **When not.** A service that does not reflect is listed and cannot be described. Two services that have different
//! files of one name are each right where a symbol is asked for, and the first by name where the file's name is.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;

use prost::Message;
use prost_reflect::{DescriptorPool, FileDescriptor};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Asked;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Told;
use tonic_reflection::pb::v1::server_reflection_server::{self, ServerReflectionServer};
use tonic_reflection::pb::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};
use tonic_reflection::pb::v1alpha;

use super::services;
use crate::route::Routes;
use crate::schema::{Schema, ServiceInfo, reflected};

/// The largest question.
const QUESTION: usize = 16 * 1024;

/// What is reflected.
#[derive(Clone, Debug)]
pub(super) struct Reflection {
    schema: Arc<Schema>,
    routes: Arc<Routes>,
    /// Of the gateway's own services.
    own: DescriptorPool,
}

/// Files that a stream has had.
type Sent = HashSet<String>;

impl Reflection {
    pub(super) fn new(schema: Arc<Schema>, routes: Arc<Routes>) -> Self {
        let mut own = DescriptorPool::new();
        for set in [
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            v1alpha::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ] {
            // They are compiled in, and a test looks for each.
            let _ = own.decode_file_descriptor_set(set);
        }
        Self { schema, routes, own }
    }

    /// The types of the gateway's own services.
    pub(super) fn own(&self) -> Vec<Arc<ServiceInfo>> {
        reflected(&self.own, &Arc::from("gateway"), services().into_iter())
    }

    pub(super) fn v1(self) -> ServerReflectionServer<Self> {
        ServerReflectionServer::new(self).max_decoding_message_size(QUESTION)
    }

    pub(super) fn v1alpha(self) -> v1alpha::server_reflection_server::ServerReflectionServer<Self> {
        v1alpha::server_reflection_server::ServerReflectionServer::new(self).max_decoding_message_size(QUESTION)
    }

    /// One pool for each service that reflects, and our own.
    fn pools(&self) -> Vec<DescriptorPool> {
        let mut owners = HashSet::new();
        let mut pools: Vec<DescriptorPool> = self
            .schema
            .services()
            .iter()
            .filter(|service| owners.insert(Arc::clone(&service.owner)))
            .filter_map(|service| Some(service.methods.first()?.descriptor.parent_pool().clone()))
            .collect();
        pools.push(self.own.clone());
        pools
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .routes
            .services()
            .into_iter()
            .flat_map(|service| service.methods)
            .collect();
        names.extend(services().into_iter().map(str::to_owned));
        names.sort();
        names.dedup();
        names
    }

    fn find<T>(&self, look: impl FnMut(&DescriptorPool) -> Option<T>) -> Option<T> {
        self.pools().iter().find_map(look)
    }

    fn answer(&self, sent: &mut Sent, asked: ServerReflectionRequest) -> ServerReflectionResponse {
        let told = match &asked.message_request {
            Some(Asked::ListServices(_)) => Some(Told::ListServicesResponse(ListServiceResponse {
                service: self.names().into_iter().map(|name| ServiceResponse { name }).collect(),
            })),
            Some(Asked::FileByFilename(name)) => self
                .find(|pool| pool.get_file_by_name(name))
                .map(|file| files(sent, file)),
            Some(Asked::FileContainingSymbol(name)) => {
                let name = name.strip_prefix('.').unwrap_or(name);
                self.find(|pool| file_of(pool, name)).map(|file| files(sent, file))
            }
            Some(Asked::FileContainingExtension(wanted)) => self
                .find(|pool| {
                    let number = u32::try_from(wanted.extension_number).ok()?;
                    let message = pool.get_message_by_name(&wanted.containing_type)?;
                    Some(message.get_extension(number)?.parent_file())
                })
                .map(|file| files(sent, file)),
            Some(Asked::AllExtensionNumbersOfType(name)) => {
                self.find(|pool| pool.get_message_by_name(name)).map(|message| {
                    let numbers = message
                        .extensions()
                        .filter_map(|extension| i32::try_from(extension.number()).ok());
                    Told::AllExtensionNumbersResponse(ExtensionNumberResponse {
                        base_type_name: name.clone(),
                        extension_number: numbers.collect(),
                    })
                })
            }
            None => None,
        };
        let told = told.unwrap_or_else(|| {
            Told::ErrorResponse(ErrorResponse {
                error_code: Code::NotFound.into(),
                error_message: "no service that is registered here reflects this".to_owned(),
            })
        });
        ServerReflectionResponse {
            valid_host: asked.host.clone(),
            original_request: Some(asked),
            message_response: Some(told),
        }
    }
}

/// The file that has a service, a type, an extension, or a method or field of one.
fn file_of(pool: &DescriptorPool, name: &str) -> Option<FileDescriptor> {
    let whole = |name: &str| {
        pool.get_service_by_name(name)
            .map(|service| service.parent_file())
            .or_else(|| pool.get_message_by_name(name).map(|message| message.parent_file()))
            .or_else(|| pool.get_enum_by_name(name).map(|kind| kind.parent_file()))
            .or_else(|| {
                pool.get_extension_by_name(name)
                    .map(|extension| extension.parent_file())
            })
    };
    whole(name).or_else(|| whole(name.rsplit_once(['.', '/'])?.0))
}

/// A file, and those that it needs and the stream has not had.
fn files(sent: &mut Sent, root: FileDescriptor) -> Told {
    let mut queue = VecDeque::from([root]);
    let mut encoded: Vec<Vec<u8>> = Vec::new();
    while let Some(file) = queue.pop_front() {
        if sent.insert(file.name().to_owned()) || encoded.is_empty() {
            encoded.push(file.encode_to_vec());
            queue.extend(file.dependencies());
        }
    }
    Told::FileDescriptorResponse(FileDescriptorResponse {
        file_descriptor_proto: encoded,
    })
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl server_reflection_server::ServerReflection for Reflection {
    type ServerReflectionInfoStream = Answers<ServerReflectionResponse>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let (this, mut sent) = (self.clone(), Sent::new());
        let answers = request
            .into_inner()
            .map(move |asked| Ok(this.answer(&mut sent, asked?)));
        Ok(Response::new(Box::pin(answers)))
    }
}

#[tonic::async_trait]
impl v1alpha::server_reflection_server::ServerReflection for Reflection {
    type ServerReflectionInfoStream = Answers<v1alpha::ServerReflectionResponse>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<v1alpha::ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let (this, mut sent) = (self.clone(), Sent::new());
        let answers = request.into_inner().map(move |asked| {
            let asked: ServerReflectionRequest = renamed(&asked?)?;
            renamed(&this.answer(&mut sent, asked))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// The same message under its other name: every field has the same number and type.
fn renamed<T: Message + Default>(message: &impl Message) -> Result<T, Status> {
    T::decode(message.encode_to_vec().as_slice()).map_err(|_| Status::internal("the two versions of reflection differ"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    fn reflection() -> Reflection {
        Reflection::new(Arc::new(Schema::new()), Arc::new(Routes::new(Metrics::default())))
    }

    fn told(sent: &mut Sent, asked: Asked) -> Told {
        let request = ServerReflectionRequest {
            host: "school".to_owned(),
            message_request: Some(asked),
        };
        let response = reflection().answer(sent, request.clone());
        assert_eq!(
            (response.valid_host.as_str(), response.original_request),
            ("school", Some(request))
        );
        response.message_response.unwrap()
    }

    #[test]
    fn our_own_services_are_found_by_every_kind_of_name() {
        for name in [
            "grpc.health.v1.Health",
            "grpc.health.v1.Health.Check",
            ".grpc.health.v1.HealthCheckResponse",
            "grpc.health.v1.HealthCheckResponse.ServingStatus",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            let told = told(&mut Sent::new(), Asked::FileContainingSymbol(name.to_owned()));
            assert!(
                matches!(&told, Told::FileDescriptorResponse(files) if files.file_descriptor_proto.len() == 1),
                "{name}"
            );
        }
        let Told::ListServicesResponse(listed) = told(&mut Sent::new(), Asked::ListServices(String::new())) else {
            panic!("no list");
        };
        assert_eq!(listed.service.len(), 3);
    }

    #[test]
    fn what_nobody_has_is_not_found_and_a_file_asked_for_again_comes_again() {
        for asked in [
            Asked::FileContainingSymbol("no.Such".to_owned()),
            Asked::FileByFilename("no/such.proto".to_owned()),
            Asked::AllExtensionNumbersOfType("no.Such".to_owned()),
        ] {
            assert!(matches!(told(&mut Sent::new(), asked), Told::ErrorResponse(error) if error.error_code == 5));
        }
        let mut sent = Sent::new();
        for _ in 0..2 {
            let asked = Asked::FileContainingSymbol("grpc.health.v1.Health".to_owned());
            assert!(
                matches!(told(&mut sent, asked), Told::FileDescriptorResponse(files) if files.file_descriptor_proto.len() == 1)
            );
        }
    }
}
