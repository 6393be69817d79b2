//! States of AWS resources.

use super::named::named;

named! {
    /// The status of an EKS cluster, add-on or managed node group.
    EksStatus {
        Active = "ACTIVE",
        Creating = "CREATING",
        Updating = "UPDATING",
        Degraded = "DEGRADED",
        Deleting = "DELETING",
        DeleteFailed = "DELETE_FAILED",
    }
}

impl EksStatus {
    /// EKS makes a change, and accepts no other one meanwhile.
    pub fn is_changing(&self) -> bool {
        matches!(self, EksStatus::Creating | EksStatus::Updating)
    }

    /// Its last change failed, or it has health issues.
    pub fn is_unhealthy(&self) -> bool {
        *self == EksStatus::Degraded || self.name().ends_with("_FAILED")
    }
}

named! {
    /// The status of a CloudFormation stack.
    StackStatus {
        CreateComplete = "CREATE_COMPLETE",
        UpdateComplete = "UPDATE_COMPLETE",
        CreateFailed = "CREATE_FAILED",
        DeleteFailed = "DELETE_FAILED",
        RollbackComplete = "ROLLBACK_COMPLETE",
        RollbackFailed = "ROLLBACK_FAILED",
        UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED",
    }
}

impl StackStatus {
    pub fn is_in_progress(&self) -> bool {
        self.name().ends_with("_IN_PROGRESS")
    }

    /// The last operation succeeded.
    pub fn is_complete(&self) -> bool {
        matches!(self, StackStatus::CreateComplete | StackStatus::UpdateComplete)
    }

    /// The stack can only be deleted.
    pub fn never_completed(&self) -> bool {
        use StackStatus::*;
        matches!(self, RollbackComplete | RollbackFailed | CreateFailed | DeleteFailed)
    }
}

named! {
    /// The lifecycle state of an instance in an Auto Scaling group.
    Lifecycle {
        InService = "InService",
        /// A lifecycle hook holds its termination.
        TerminatingWait = "Terminating:Wait",
    }
}

impl Lifecycle {
    /// It is in service or starting (`Pending`, `Pending:Wait`, `Pending:Proceed`).
    pub fn is_active(&self) -> bool {
        *self == Lifecycle::InService || self.name().starts_with("Pending")
    }
}

named! {
    /// The state of a CIDR block's association with a VPC.
    BlockState {
        Associated = "associated",
        Disassociating = "disassociating",
        /// It stays listed for a while.
        Disassociated = "disassociated",
        Failing = "failing",
        Failed = "failed",
    }
}

named! {
    /// The state of a subnet.
    SubnetState {
        Available = "available",
    }
}

named! {
    /// The status of a VPC peering connection.
    PeeringStatus {
        Active = "active",
        PendingAcceptance = "pending-acceptance",
    }
}

named! {
    /// The status of a network interface.
    InterfaceStatus {
        /// Detached.
        Available = "available",
        InUse = "in-use",
    }
}

named! {
    /// The state of an EC2 instance.
    InstanceState {
        ShuttingDown = "shutting-down",
        Terminated = "terminated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_status_of_aws_keeps_its_name() {
        assert_eq!(EksStatus::from("ACTIVE"), EksStatus::Active);
        let new = EksStatus::from("HIBERNATING");
        assert_eq!((new.to_string().as_str(), serde_json::json!(new)), ("HIBERNATING", "HIBERNATING".into()));
        assert_eq!(serde_json::json!(InterfaceStatus::InUse), "in-use");
    }

    #[test]
    fn statuses_are_judged_by_what_they_allow() {
        assert!(EksStatus::from("UPDATE_FAILED").is_unhealthy() && !EksStatus::Active.is_unhealthy());
        let judged = |name: &str| {
            let status = StackStatus::from(name);
            (status.is_in_progress(), status.is_complete(), status.never_completed())
        };
        for (name, expected) in [
            ("CREATE_IN_PROGRESS", (true, false, false)),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", (true, false, false)),
            ("CREATE_COMPLETE", (false, true, false)),
            ("UPDATE_ROLLBACK_COMPLETE", (false, false, false)),
            ("UPDATE_ROLLBACK_FAILED", (false, false, false)),
            ("ROLLBACK_COMPLETE", (false, false, true)),
            ("DELETE_FAILED", (false, false, true)),
        ] {
            assert_eq!(judged(name), expected, "{name}");
        }
        for (name, active) in
            [("Pending:Wait", true), ("InService", true), ("Terminating", false), ("Standby", false)]
        {
            assert_eq!(Lifecycle::from(name).is_active(), active, "{name}");
        }
    }
}
