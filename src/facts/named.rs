//! Enums of names that AWS and Kubernetes may extend.

/// An enum whose variants are names of an API. A name that is not known here is kept, so nothing that the API says is
/// lost, in messages or in JSON.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$of:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$of])* $variant,)+
            /// A name that no decision depends on.
            Other(String),
        }

        impl $type {
            /// As the API writes it.
            pub fn name(&self) -> &str {
                match self {
                    $($type::$variant => $name,)+
                    $type::Other(name) => name,
                }
            }
        }

        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                match name {
                    $($name => $type::$variant,)+
                    other => $type::Other(other.into()),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

pub(super) use named;
