//! How much a call matters when not all can be answered. Source: Google SRE, "Handling overload" (criticality).

use http::HeaderValue;

/// Whether somebody sits and waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// Nobody does: reports, imports, exports. Served when no interactive call waits.
    Batch,
}

impl Priority {
    /// Its name in the header `lyceum-priority`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Batch => "batch",
        }
    }

    pub(super) fn parse(value: &HeaderValue) -> Option<Self> {
        [Self::Interactive, Self::Batch]
            .into_iter()
            .find(|priority| value.as_bytes() == priority.name().as_bytes())
    }
}
