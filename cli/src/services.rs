//! Every service that this binary can run: one line a service.
//!
//! A new service joins the fabric here, and nowhere else: `lyceum serve` runs it, `lyceum up` starts it, and the
//! gateway learns of it from Consul.

use lyceum::Fabric;
use lyceum::client::Channel;
use lyceum::contracts::ai_validator::v1::educational_ai_validator_service_server::EducationalAiValidatorServiceServer;
use lyceum::contracts::writing_analysis::v1::writing_analysis_service_client::WritingAnalysisServiceClient;
use lyceum::contracts::writing_analysis::v1::writing_analysis_service_server::WritingAnalysisServiceServer;
use lyceum::serving::Server;
use lyceum_ai_validator::AiValidator;
use lyceum_writing_analysis::WritingAnalysis;

/// A service, a call to try it with, and how it is made.
pub(crate) struct Service {
    /// Its name, in Consul, in identities and on the command line.
    pub(crate) name: &'static str,
    /// For the commands that `lyceum up` prints.
    pub(crate) sample: Sample,
    /// Its server over this process's fabric.
    pub(crate) server: fn(&Fabric) -> Server,
}

/// A call that shows what a service does.
#[derive(Debug)]
pub(crate) struct Sample {
    /// `package.Service/Method`.
    pub(crate) method: &'static str,
    /// The request as JSON.
    pub(crate) request: &'static str,
}

/// By name.
#[rustfmt::skip]
pub(crate) const SERVICES: &[Service] = &[
    Service { name: "ai-validator", sample: DECIDE, server: |fabric| Server::new(fabric).add(EducationalAiValidatorServiceServer::new(AiValidator::new(fabric.client::<Judge>()))) },
    Service { name: "writing-analysis", sample: REFLECT, server: |fabric| Server::new(fabric).add(WritingAnalysisServiceServer::new(WritingAnalysis::new())) },
];

/// Who judges reflections for the AI validator.
type Judge = WritingAnalysisServiceClient<Channel>;

/// Crosses two services: the validator asks writing analysis how deep the reflection goes.
const DECIDE: Sample = Sample {
    method: "lyceum.ai_validator.v1.EducationalAiValidatorService/DecideAccess",
    request: r#"{"stage":"WRITING_STAGE_DRAFT","reflection":"I was sure that I was right. Then I heard her story, and I felt ashamed, because I had never asked. Next time I will ask first."}"#,
};

const REFLECT: Sample = Sample {
    method: "lyceum.writing_analysis.v1.WritingAnalysisService/EvaluateReflection",
    request: r#"{"text":"I was sure that I was right. Then I heard her story, and I felt ashamed, because I had never asked. Next time I will ask first."}"#,
};

/// The service of that name.
pub(crate) fn find(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name)
}

/// Every name, for people.
pub(crate) fn names() -> String {
    SERVICES
        .iter()
        .map(|service| service.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What to say to a name that is none.
pub(crate) fn unknown(name: &str) -> String {
    format!("there is no service {name:?}: the services are {}", names())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn names_are_sorted_and_distinct() {
        assert!(SERVICES.is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn samples_are_of_the_contracts() {
        for service in SERVICES {
            let path = format!("/{}", service.sample.method);
            assert!(lyceum::contracts::method_index(&path).is_some(), "{path}");
            serde_json::from_str::<serde_json::Value>(service.sample.request).unwrap();
        }
    }

    #[test]
    fn an_unknown_name_hears_the_known_ones() {
        assert!(find("grading").is_none());
        assert!(unknown("grading").contains("ai-validator, writing-analysis"));
    }
}
