//! Who may call a method: what its contract says, learnt from the service itself.
//!
//! **What.** [`read`] understands `lyceum.options.v1.access` of a reflected method. [`Edge::access`] answers for a path:
//! what an operator says of it, else what the service reflects, else what the contracts say that this gateway was built
//! with, which spares the first calls after a start the wait for reflection.
//!
//! **Why.** A call that its service would refuse need not be made, and a tool that may not be used need not be listed.
//! The service asks the same question again, so a descriptor that lies opens nothing. **When not.** Whose data a call is
//! about stands in its message, which the gateway does not read.

use lyceum::contracts;
use lyceum::principal::{Access, Role};
use prost_reflect::Value;

use crate::edge::Edge;

/// The option's name.
pub(crate) const OPTION: &str = "lyceum.options.v1.access";

impl Edge {
    /// Who may call the method of a path, `/package.Service/Method`.
    pub(crate) fn access(&self, path: &str) -> Access {
        self.live
            .load()
            .access(path)
            .or_else(|| self.schema.method(path)?.access)
            .or_else(|| contracts::method_index(path).map(|index| contracts::METHODS[index].access))
            .unwrap_or(Access::DENIED)
    }
}

/// What the option says; none where it cannot be understood.
pub(crate) fn read(said: &Value) -> Option<Access> {
    let access = said.as_message()?;
    if access.get_field_by_name("anyone")?.as_bool()? {
        return Some(Access::ANYONE);
    }
    let roles: Vec<Role> = access
        .get_field_by_name("roles")?
        .as_list()?
        .iter()
        .filter_map(|role| role_of(role.as_enum_number()?))
        .collect();
    Some(Access::of(&roles))
}

/// The number of `lyceum.options.v1.Role`.
fn role_of(number: i32) -> Option<Role> {
    Some(match number {
        1 => Role::Student,
        2 => Role::Educator,
        3 => Role::Administrator,
        4 => Role::Service,
        5 => Role::Parent,
        _ => return None,
    })
}
