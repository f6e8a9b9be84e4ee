//! What the gateway says of itself over gRPC: types and health, asked as tools ask.

use super::*;

async fn reflected(call: &mut Call, asked: Asked) -> Told {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(asked),
    };
    call.send(&request.encode_to_vec()).await;
    let answer = call.message().await.unwrap();
    ServerReflectionResponse::decode(answer)
        .unwrap()
        .message_response
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_reflects_every_service_and_tells_how_they_are() {
    let stage = Stage::start().await;
    let client = Client::connect(&stage).await;
    for version in ["v1", "v1alpha"] {
        let method = format!("grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let list = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(Asked::ListServices(String::new())),
        };
        let mut call = client
            .open(client.request(&method), frame(&list.encode_to_vec()), false)
            .await;
        let answer = ServerReflectionResponse::decode(call.message().await.unwrap()).unwrap();
        let Some(Told::ListServicesResponse(listed)) = answer.message_response else {
            panic!("no list")
        };
        let names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
        for name in [
            "lyceum.testing.v1.ProbeService",
            "mirror.v1.MirrorService",
            "grpc.health.v1.Health",
        ] {
            assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
        }
        for symbol in ["lyceum.testing.v1.ProbeService", "lyceum.testing.v1.GetProbeRequest"] {
            // Types are learnt a moment after a service is found.
            let mut files = Vec::new();
            while files.is_empty() {
                match reflected(&mut call, Asked::FileContainingSymbol(symbol.to_owned())).await {
                    Told::FileDescriptorResponse(told) => files = told.file_descriptor_proto,
                    Told::ErrorResponse(error) => assert_eq!(error.error_code, 5),
                    other => panic!("{other:?}"),
                }
            }
            let file = prost_types::FileDescriptorProto::decode(files[0].as_slice()).unwrap();
            assert_eq!(file.package(), "lyceum.testing.v1");
        }
        let Told::ErrorResponse(error) = reflected(&mut call, Asked::FileContainingSymbol("no.Such".to_owned())).await
        else {
            panic!("found")
        };
        assert_eq!(error.error_code, 5);
        call.half_close();
        assert_eq!(call.message().await, None);
        assert_eq!(i32::from(call.status().code()), 0);
    }
    for (service, expected) in [
        ("", Some(1)),
        ("lyceum.testing.v1.ProbeService", Some(1)),
        ("testing", Some(1)),
        ("no.such.Service", None),
    ] {
        // A message with one field, the service's name.
        let mut check = vec![10, u8::try_from(service.len()).unwrap()];
        check.extend_from_slice(service.as_bytes());
        let (messages, status) = client.unary("grpc.health.v1.Health/Check", &check).await;
        match expected {
            Some(serving) => assert_eq!(&messages[0][..], [8, serving], "{service}"),
            None => assert_eq!(i32::from(status.code()), 5),
        }
    }
    let web = stage.browser().unary("grpc.health.v1.Health/Check", b"").await;
    assert_eq!((web.status(), &web.messages[0][..]), (Some(0), &[8, 1][..]));
    let mut watch = client
        .begin(client.request("grpc.health.v1.Health/Watch"), frame(b""))
        .await;
    assert_eq!(watch.message().await.unwrap(), &[8, 1][..]);
    stage.shut_down();
    assert_eq!(watch.message().await.unwrap(), &[8, 2][..], "not serving any more");
}

/// The tool that operators have: it speaks reflection v1alpha.
#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_lists_describes_and_calls() {
    let grpcurl = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin/grpcurl");
    if !grpcurl.exists() {
        assert!(option_env!("CI").is_none(), "grpcurl is missing: make setup");
        eprintln!("skipped: grpcurl is missing, make setup brings it");
        return;
    }
    let stage = Stage::start().await;
    let address = stage.address.to_string();
    let run = async |arguments: &[&str]| {
        let output = tokio::process::Command::new(&grpcurl)
            .arg("-plaintext")
            .args(arguments)
            .output()
            .await
            .unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let service = "lyceum.testing.v1.ProbeService";
    wait_for("the probe's types", || async {
        run(&[&address, "describe", service]).await.0
    })
    .await;
    let (_, listed) = run(&[&address, "list"]).await;
    assert!(
        listed.contains(service) && listed.contains("grpc.health.v1.Health"),
        "{listed}"
    );
    let (_, described) = run(&[&address, "describe", service]).await;
    assert!(described.contains("rpc WatchProbe"), "{described}");
    let (called, answer) = run(&["-d", "{\"payload\": \"ZXNzYXk=\"}", &address, GET]).await;
    assert!(called && answer.contains("\"payload\": \"ZXNzYXk=\""), "{answer}");
    let (called, answer) = run(&[&address, "grpc.health.v1.Health/Check"]).await;
    assert!(called && answer.contains("SERVING"), "{answer}");
}
