#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::pin::Pin;

use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use prost::Message as _;
use prost_types::FileDescriptorProto;
use tonic::Streaming;
use tonic_reflection::pb::v1::server_reflection_server::{ServerReflection, ServerReflectionServer};
use tonic_reflection::pb::v1::{ErrorResponse, FileDescriptorResponse, ServerReflectionResponse};
use tonic_reflection::server::Builder;

use super::*;

const PROBE: &str = "lyceum.testing.v1.ProbeService";

fn builder() -> Builder<'static> {
    Builder::configure().register_encoded_file_descriptor_set(lyceum::contracts::DESCRIPTORS)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn what_a_service_reflects_is_all_there() {
    let server = builder().build_v1().unwrap();
    let pool = ask(&server, &names(&[PROBE])).await.unwrap().build().unwrap();
    let service = pool.get_service_by_name(PROBE).unwrap();
    let method = service.methods().find(|method| method.name() == "GetProbe").unwrap();
    // Options that prost would lose, and comments.
    let extensions: Vec<String> = method
        .options()
        .extensions()
        .map(|(known, _)| known.full_name().to_owned())
        .collect();
    assert!(extensions.contains(&"google.api.http".to_owned()), "{extensions:?}");
    assert!(
        extensions.contains(&"lyceum.options.v1.access".to_owned()),
        "{extensions:?}"
    );
    let mut comments = crate::schema::comments::Comments::default();
    assert!(comments.at(&service.parent_file(), service.path()).is_some());
    // Only what the service needs.
    assert!(pool.get_message_by_name("lyceum.writing_analysis.v1.Span").is_none());
}

#[tokio::test]
async fn an_older_protocol_is_tried_where_the_newer_is_not_there() {
    let server = builder().build_v1alpha().unwrap();
    let files = ask(&server, &names(&[PROBE])).await.unwrap();
    assert!(files.build().unwrap().get_service_by_name(PROBE).is_some());
}

#[tokio::test]
async fn what_is_not_there_leaves_the_rest() {
    let server = builder().build_v1().unwrap();
    let asked = names(&["not.There", PROBE, "nor.This"]);
    let pool = ask(&server, &asked).await.unwrap().build().unwrap();
    assert!(pool.get_service_by_name(PROBE).is_some());
}

/// A server that says what it likes.
struct Liar<F>(F);

type Answers = Pin<Box<dyn Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

#[tonic::async_trait]
impl<F> ServerReflection for Liar<F>
where
    F: Fn(Asked) -> Option<Told> + Clone + Send + Sync + 'static,
{
    type ServerReflectionInfoStream = Answers;

    async fn server_reflection_info(
        &self,
        request: tonic::Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<tonic::Response<Answers>, Status> {
        let say = self.0.clone();
        let answers = request.into_inner().flat_map(move |asked| {
            let told = asked.ok().and_then(|asked| say(asked.message_request?));
            let answer = told.map(|told| ServerReflectionResponse {
                message_response: Some(told),
                ..Default::default()
            });
            stream::iter(answer.map(Ok))
        });
        Ok(tonic::Response::new(Box::pin(answers)))
    }
}

async fn told_by<F>(say: F) -> Result<Files, Error>
where
    F: Fn(Asked) -> Option<Told> + Clone + Send + Sync + 'static,
{
    ask(&ServerReflectionServer::new(Liar(say)), &names(&["a.A"])).await
}

fn file(name: &str, imports: &[&str]) -> Told {
    let file = FileDescriptorProto {
        name: Some(name.to_owned()),
        dependency: names(imports),
        ..Default::default()
    };
    Told::FileDescriptorResponse(FileDescriptorResponse {
        file_descriptor_proto: vec![file.encode_to_vec()],
    })
}

#[tokio::test]
async fn a_server_that_lies_is_not_believed() {
    // Another file than the one that was asked for.
    let told = told_by(|asked| {
        Some(match asked {
            Asked::FileContainingSymbol(_) => file("a.proto", &["b.proto"]),
            _ => file("c.proto", &[]),
        })
    });
    assert!(matches!(told.await, Err(Error::Unasked)));
    // Files without end.
    let told = told_by(|asked| {
        let name = match asked {
            Asked::FileByFilename(name) => name,
            _ => "0".to_owned(),
        };
        let next = (name.parse::<u64>().unwrap() + 1).to_string();
        Some(file(&name, &[&next]))
    });
    assert!(matches!(told.await, Err(Error::Files(files::Error::TooMany))));
    // An answer to another question, no file, an error.
    let told = told_by(|_| Some(Told::ListServicesResponse(Default::default())));
    assert!(matches!(told.await, Err(Error::Unasked)));
    let told = told_by(|_| {
        Some(Told::FileDescriptorResponse(FileDescriptorResponse {
            file_descriptor_proto: vec![b"\x0a\xff".to_vec()],
        }))
    });
    assert!(matches!(told.await, Err(Error::Files(files::Error::Undecodable))));
    let failing = |code| {
        move |_| {
            Some(Told::ErrorResponse(ErrorResponse {
                error_code: code,
                error_message: "secret".to_owned(),
            }))
        }
    };
    let refused = told_by(failing(7)).await.unwrap_err();
    assert!(!refused.to_string().contains("secret"), "{refused}");
    // What is imported and never there.
    let told = told_by(|asked| match asked {
        Asked::FileContainingSymbol(_) => Some(file("a.proto", &["b.proto"])),
        _ => Some(Told::ErrorResponse(ErrorResponse {
            error_code: 5,
            error_message: String::new(),
        })),
    });
    assert!(matches!(told.await.unwrap().build(), Err(files::Error::Missing(name)) if name == "b.proto"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up() {
    assert!(matches!(told_by(|_| None).await, Err(Error::Late)));
}
