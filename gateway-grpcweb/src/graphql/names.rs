//! What types and methods are called in GraphQL, where every name is global.
//!
//! ```text
//! lyceum.writing_analysis.v1.Report.Part                       ▸ WritingAnalysis_Report_Part
//! lyceum.writing_analysis.v2.Report                            ▸ WritingAnalysisV2_Report
//! lyceum.writing_analysis.v1.WritingAnalysisService/AnalyzeWriting ▸ writingAnalysis_analyzeWriting
//! ```
//!
//! **Why.** A name follows from the full name alone, so that a new service does not rename what clients know. Where two
//! come out the same, the one of a `lyceum.` package has it, then the first by full name, and the other goes by its full
//! name with `_` for every dot.

use std::collections::HashMap;

/// Names that are given, to what.
#[derive(Debug, Default)]
pub(crate) struct Names {
    given: HashMap<String, String>,
}

// === impl Names ===

impl Names {
    /// The name for a type; its own again when it has one already. `kind` tells an input from an output.
    pub(crate) fn of_type(&mut self, package: &str, full_name: &str, kind: &str) -> String {
        let relative = full_name
            .strip_prefix(package)
            .unwrap_or(full_name)
            .trim_start_matches('.')
            .replace('.', "_");
        let area = area(package);
        let short = if area.is_empty() {
            format!("{relative}{kind}")
        } else {
            format!("{area}_{relative}{kind}")
        };
        self.give(short, format!("{full_name}{kind}"))
    }

    /// The name for a method among the fields of a root.
    pub(crate) fn of_method(&mut self, service: &str, method: &str) -> String {
        let (package, name) = service.rsplit_once('.').unwrap_or(("", service));
        let name = name
            .strip_suffix("Service")
            .filter(|name| !name.is_empty())
            .unwrap_or(name);
        let version = package
            .rsplit('.')
            .next()
            .filter(|last| is_version(last) && *last != "v1")
            .map(camel)
            .unwrap_or_default();
        let short = format!("{}{version}_{}", lower(name), lower(method));
        self.give(short, format!("{service}.{method}"))
    }

    fn give(&mut self, short: String, full: String) -> String {
        match self.given.get(&short) {
            Some(owner) if *owner != full => {
                let long = full.replace('.', "_");
                self.given.insert(long.clone(), full);
                long
            }
            Some(_) => short,
            None => {
                self.given.insert(short.clone(), full);
                short
            }
        }
    }
}

/// A package as the beginning of a name: neither whose it is, nor that it is the first version, tells anything.
fn area(package: &str) -> String {
    let package = package.strip_prefix("lyceum.").unwrap_or(package);
    package.split('.').filter(|part| *part != "v1").map(camel).collect()
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// `writing_analysis` as `WritingAnalysis`.
fn camel(snake: &str) -> String {
    snake
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
                .unwrap_or_default()
        })
        .collect()
}

/// `AnalyzeWriting` as `analyzeWriting`.
fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_full_names() {
        let mut names = Names::default();
        let mut name = |package: &str, full: &str| names.of_type(package, full, "");
        assert_eq!(
            name("lyceum.writing_analysis.v1", "lyceum.writing_analysis.v1.Report.Part"),
            "WritingAnalysis_Report_Part"
        );
        assert_eq!(
            name("lyceum.writing_analysis.v2", "lyceum.writing_analysis.v2.Report"),
            "WritingAnalysisV2_Report"
        );
        assert_eq!(name("google.rpc", "google.rpc.Status"), "GoogleRpc_Status");
        assert_eq!(name("", "Bare"), "Bare");
        assert_eq!(
            names.of_method("lyceum.writing_analysis.v1.WritingAnalysisService", "AnalyzeWriting"),
            "writingAnalysis_analyzeWriting"
        );
        assert_eq!(
            names.of_method(
                "lyceum.writing_analysis.v2beta1.WritingAnalysisService",
                "AnalyzeWriting"
            ),
            "writingAnalysisV2beta1_analyzeWriting"
        );
        assert_eq!(names.of_method("Service", "Get"), "service_get");
    }

    #[test]
    fn a_name_is_given_once() {
        let mut names = Names::default();
        assert_eq!(names.of_type("foo.bar.v1", "foo.bar.v1.A", ""), "FooBar_A");
        assert_eq!(names.of_type("foo_bar.v1", "foo_bar.v1.A", ""), "foo_bar_v1_A");
        assert_eq!(names.of_type("foo.bar.v1", "foo.bar.v1.A", ""), "FooBar_A");
        assert_eq!(names.of_type("foo.bar.v1", "foo.bar.v1.A", "Input"), "FooBar_AInput");
    }
}
