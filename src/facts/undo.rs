//! What only an undo reads.

use std::collections::BTreeMap;

use super::{Facts, Image, Occupant, Stack};

/// What only an undo reads.
#[derive(Debug, Clone, Default)]
pub struct UndoFacts {
    /// It also switches custom networking off.
    pub ends_custom_networking: bool,
    /// Network interfaces in the subnets that eni-custom created.
    pub occupants: Vec<Occupant>,
    /// Stacks of replacement node groups, by name.
    pub replacement_stacks: BTreeMap<String, Stack>,
    /// Images for replacement node groups by instance type, or why there is none.
    pub images: BTreeMap<String, std::result::Result<Image, String>>,
    /// Old groups that must start nodes again, and what is wrong with their image.
    pub image_trouble: BTreeMap<String, ImageTrouble>,
}

/// Why a group may not be able to start a node from its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageTrouble {
    /// What no longer exists, and what refers to it.
    Gone(String),
    /// It could not be read; the service's message.
    Unknown(String),
}

impl Facts {
    /// The stack of a replacement node group.
    pub fn replacement_stack(&self, name: &str) -> Option<&Stack> {
        self.undo.as_ref()?.replacement_stacks.get(name)
    }

    /// The image for replacement nodes of an instance type, or why there is none.
    pub fn replacement_image(&self, instance_type: &str) -> Option<&std::result::Result<Image, String>> {
        self.undo.as_ref()?.images.get(instance_type)
    }

    /// Network interfaces in the subnets that eni-custom created.
    pub fn occupants(&self) -> &[Occupant] {
        self.undo.as_ref().map_or(&[], |undo| &undo.occupants)
    }
}
