//! Where in a resource an element is.

use std::fmt;

/// The way from the resource to one of its elements by JSON names, such as `Task.input[0].valueString`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(String);

impl Path {
    /// The resource itself.
    pub(crate) fn of_resource(resource_type: &str) -> Self {
        Self(resource_type.to_owned())
    }

    /// The element of this name.
    pub(crate) fn field(&self, name: &str) -> Self {
        Self(format!("{self}.{name}"))
    }

    /// The item at this index of a list.
    pub(crate) fn item(&self, index: usize) -> Self {
        Self(format!("{self}[{index}]"))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
