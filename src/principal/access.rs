//! Who may call a method, as its contract says (`lyceum.options.v1.access`); nothing said means nobody.

use tonic::Code;

use super::{Principal, Role, Roles};
use crate::error::Error;

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    roles: Roles,
    anyone: bool,
}

impl Access {
    /// Nobody: what a contract means that says nothing.
    pub const DENIED: Self = Self {
        roles: Roles::NONE,
        anyone: false,
    };
    /// Everybody, whether they have said who they are or not.
    pub const ANYONE: Self = Self {
        roles: Roles::NONE,
        anyone: true,
    };

    /// Whoever has one of these roles.
    #[must_use]
    pub const fn of(roles: &[Role]) -> Self {
        Self {
            roles: Roles::of(roles),
            anyone: false,
        }
    }

    /// The roles that let one in; none where everybody may, or nobody.
    #[must_use]
    pub const fn roles(self) -> Roles {
        self.roles
    }

    /// Whether everybody may call.
    #[must_use]
    pub const fn is_for_anyone(self) -> bool {
        self.anyone
    }

    /// Whether `principal` may call.
    ///
    /// # Errors
    /// PERMISSION_DENIED with reason ACCESS_UNDECLARED where the contract lets nobody in, UNAUTHENTICATED with reason
    /// PRINCIPAL_MISSING for somebody who has not said who they are, PERMISSION_DENIED with reason ROLE_MISSING and the
    /// roles that would do in the metadata `roles`.
    pub fn permits(self, principal: &Principal) -> Result<(), Error> {
        if self.anyone || self.roles.meets(principal.roles()) {
            return Ok(());
        }
        if self.roles.is_empty() {
            return Err(Error::permission_denied(
                "ACCESS_UNDECLARED",
                "nobody may call this method: its contract does not say who (lyceum.options.v1.access)",
            ));
        }
        let roles = self.roles.to_string();
        let error = if principal.is_anonymous() {
            Error::new(
                Code::Unauthenticated,
                "PRINCIPAL_MISSING",
                format!("say who you are: this method is for the roles {roles}"),
            )
        } else {
            Error::permission_denied(
                "ROLE_MISSING",
                format!("this method is for the roles {roles}, and the caller has none of them"),
            )
        };
        Err(error.with_metadata("roles", roles))
    }
}
