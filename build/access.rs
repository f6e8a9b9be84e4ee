//! Who may call a method: the option `lyceum.options.v1.access` as a constant of the fabric.

use std::error::Error;

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, MethodDescriptor, ReflectMessage as _, Value,
};

/// Reads the option of every method.
pub(crate) struct Reader(ExtensionDescriptor);

impl Reader {
    pub(crate) fn new(pool: &DescriptorPool) -> Result<Self, Box<dyn Error>> {
        pool.get_extension_by_name("lyceum.options.v1.access")
            .map(Self)
            .ok_or_else(|| "options.proto declares no access".into())
    }

    /// The Rust expression of who may call `method`; nobody, where its contract says nothing.
    pub(crate) fn of(&self, method: &MethodDescriptor) -> Result<String, Box<dyn Error>> {
        const ACCESS: &str = "crate::principal::Access";
        let options = method.options();
        if !options.has_extension(&self.0) {
            return Ok(format!("{ACCESS}::DENIED"));
        }
        let access = options.get_extension(&self.0);
        let access = access.as_message().ok_or("access is a message")?;
        let anyone = access
            .get_field_by_name("anyone")
            .and_then(|value| value.as_bool())
            .unwrap_or(false);
        let mut roles = Vec::new();
        for role in access
            .get_field_by_name("roles")
            .as_deref()
            .and_then(Value::as_list)
            .into_iter()
            .flatten()
        {
            roles.push(variant(access, role).ok_or_else(|| format!("{}: a role that is none", method.full_name()))?);
        }
        match (anyone, roles.is_empty()) {
            (true, true) => Ok(format!("{ACCESS}::ANYONE")),
            (false, false) => Ok(format!("{ACCESS}::of(&[{}])", roles.join(", "))),
            (true, false) => Err(format!("{}: anyone and some roles: say one", method.full_name()).into()),
            (false, true) => Err(format!("{}: access names nobody: leave it out", method.full_name()).into()),
        }
    }
}

/// `ROLE_STUDENT` → `crate::principal::Role::Student`.
fn variant(access: &DynamicMessage, role: &Value) -> Option<String> {
    let field = access.descriptor().get_field_by_name("roles")?;
    let Kind::Enum(roles) = field.kind() else { return None };
    let value = roles.get_value(role.as_enum_number()?)?;
    let name = value
        .name()
        .strip_prefix("ROLE_")
        .filter(|name| *name != "UNSPECIFIED")?;
    let (first, rest) = name.split_at(1);
    Some(format!("crate::principal::Role::{first}{}", rest.to_ascii_lowercase()))
}
