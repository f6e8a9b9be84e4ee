//! What a parsed document would cost, before anything of it runs.
//!
//! **Why.** Fragments let a short document ask for more fields than there is memory: each is weighed once and counted as
//! often as it is used. Every field of a root is a call to a service, under whatever alias. And types ask for their
//! fields' types' fields: so introspection may go around only once.
//!
//! **Source.** GraphQL, October 2021, 5.5.2.2 (fragments must not form cycles).

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};

/// The most fields, with fragments written out.
pub(crate) const FIELDS: usize = 1_000;
/// How deep fields may nest.
pub(crate) const DEPTH: usize = 20;
/// The most calls to services.
pub(crate) const CALLS: usize = 20;
/// The most fragments.
pub(crate) const FRAGMENTS: usize = 64;
/// How many lists of types or fields introspection may nest.
const LISTS: usize = 2;

/// Why a document does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("the document asks for more than {FIELDS} fields, fragments written out")]
    TooManyFields,
    #[error("the document nests deeper than {DEPTH} fields")]
    TooDeep,
    #[error("an operation makes more than {CALLS} calls")]
    TooManyCalls,
    #[error("the document has more than {FRAGMENTS} fragments")]
    TooManyFragments,
    #[error("a fragment leads back to itself")]
    Cycle,
    #[error("a subscription has one field at its root")]
    ManySubscriptions,
    #[error("introspection nests lists of types or fields more than {LISTS} times")]
    TypesTooDeep,
}

/// What a selection asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    fields: usize,
    depth: usize,
    /// The most lists of types or fields on any path.
    lists: usize,
    /// Fields on the uppermost level, without those of the language itself.
    top: usize,
}

#[derive(Debug)]
struct Scales<'a> {
    document: &'a ExecutableDocument,
    /// None while it is being weighed.
    fragments: HashMap<&'a Name, Option<Weight>>,
}

/// Whether a document may run.
pub(crate) fn weigh(document: &ExecutableDocument) -> Result<(), Error> {
    if document.fragments.len() > FRAGMENTS {
        return Err(Error::TooManyFragments);
    }
    let mut scales = Scales {
        document,
        fragments: HashMap::new(),
    };
    let mut fields = 0_usize;
    for (_, operation) in document.operations.iter() {
        let weight = scales.selection(&operation.node.selection_set.node)?;
        fields = fields.saturating_add(weight.fields);
        if fields > FIELDS {
            return Err(Error::TooManyFields);
        }
        if weight.depth > DEPTH {
            return Err(Error::TooDeep);
        }
        if weight.top > CALLS {
            return Err(Error::TooManyCalls);
        }
        if operation.node.ty == OperationType::Subscription && weight.top > 1 {
            return Err(Error::ManySubscriptions);
        }
    }
    Ok(())
}

// === impl Scales ===

impl<'a> Scales<'a> {
    fn selection(&mut self, selection: &'a SelectionSet) -> Result<Weight, Error> {
        let mut all = Weight::default();
        for item in &selection.items {
            let weight = match &item.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let inner = self.selection(&field.node.selection_set.node)?;
                    let is_list = matches!(
                        name,
                        "types" | "fields" | "interfaces" | "possibleTypes" | "inputFields"
                    );
                    // Elsewhere, such names are a service's own.
                    if matches!(name, "__schema" | "__type") && inner.lists > LISTS {
                        return Err(Error::TypesTooDeep);
                    }
                    Weight {
                        fields: inner.fields.saturating_add(1),
                        depth: inner.depth + 1,
                        lists: inner.lists + usize::from(is_list),
                        top: usize::from(!name.starts_with("__")),
                    }
                }
                Selection::InlineFragment(fragment) => self.selection(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            all.fields = all.fields.saturating_add(weight.fields);
            all.depth = all.depth.max(weight.depth);
            all.lists = all.lists.max(weight.lists);
            all.top = all.top.saturating_add(weight.top);
        }
        Ok(all)
    }

    fn fragment(&mut self, name: &'a Name) -> Result<Weight, Error> {
        match self.fragments.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => return Err(Error::Cycle),
            None => {}
        }
        // One that does not exist weighs nothing: validation says so.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Weight::default());
        };
        self.fragments.insert(name, None);
        let weight = self.selection(&fragment.node.selection_set.node)?;
        self.fragments.insert(name, Some(weight));
        Ok(weight)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use async_graphql::parser::parse_query;

    use super::*;

    fn weighed(document: &str) -> Result<(), Error> {
        weigh(&parse_query(document).unwrap())
    }

    #[test]
    fn what_people_write_passes() {
        assert_eq!(weighed("{ a { b ...F } } fragment F on T { c d { e } }"), Ok(()));
        assert_eq!(weighed("subscription { a { b } }"), Ok(()));
        let types = "{ __schema { types { fields { args { type { ofType { ofType { name } } } } } } } }";
        assert_eq!(weighed(types), Ok(()));
        assert_eq!(weighed("{ a { fields { types { fields { types } } } } }"), Ok(()));
    }

    #[test]
    fn bombs_are_refused_at_once() {
        let aliases = (0..30).fold(String::new(), |mut text, index| {
            let _ = write!(text, "a{index}: call ");
            text
        });
        assert_eq!(weighed(&format!("{{ {aliases} }}")), Err(Error::TooManyCalls));
        let mut doubling = "{ x { ...F0 } }".to_owned();
        for index in 0..60 {
            let next = index + 1;
            let _ = write!(doubling, " fragment F{index} on T {{ ...F{next} ...F{next} }}");
        }
        doubling.push_str(" fragment F60 on T { a }");
        assert_eq!(weighed(&doubling), Err(Error::TooManyFields));
        assert_eq!(
            weighed("{ x { ...A } } fragment A on T { ...B } fragment B on T { y { ...A } }"),
            Err(Error::Cycle)
        );
        let deep = format!("{{ {} a {} }}", "a {".repeat(25), "}".repeat(25));
        assert_eq!(weighed(&deep), Err(Error::TooDeep));
        assert_eq!(weighed("subscription { a b }"), Err(Error::ManySubscriptions));
        assert_eq!(
            weighed("{ __schema { types { fields { type { fields { type { name } } } } } } }"),
            Err(Error::TypesTooDeep)
        );
        let many = (0..70).fold("{ a }".to_owned(), |mut text, index| {
            let _ = write!(text, " fragment F{index} on T {{ a }}");
            text
        });
        assert_eq!(weighed(&many), Err(Error::TooManyFragments));
    }
}
