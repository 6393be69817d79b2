//! Karpenter's expressions for max pods (EC2NodeClass `kubelet.maxPods` as a string, feature gate NodeClassCEL).
//!
//! Source: karpenter-provider-aws, designs: CEL, with the variables `instance_type`, `vcpus`, `memory_mib`, `default_enis`,
//! `ips_per_eni` and `max_pods`; an int or a double, which is truncated, neither negative nor beyond 32 bits.

use cel::{Context, Program, Value};

use super::InstanceType;

/// The number of pods that an expression gives an instance type.
///
/// `default`: Karpenter's own number, which the expression sees as `max_pods`.
///
/// # Errors
/// It does not compile, fails for this type, or needs what is not known offline: the memory of a type.
pub(crate) fn evaluate(expression: &str, kind: &InstanceType, default: u32) -> Result<u32, String> {
    let program = Program::compile(expression).map_err(|error| first_line(&error.to_string()))?;
    if program.references().has_variable("memory_mib") {
        return Err("it depends on memory_mib, which is not in the offline table".into());
    }
    let mut context = Context::default();
    // Not of CEL itself: Karpenter adds these two.
    context.add_function("min", cel::functions::min).map_err(|error| error.to_string())?;
    context.add_function("max", cel::functions::max).map_err(|error| error.to_string())?;
    context.add_variable_from_value("instance_type", kind.name.clone());
    context.add_variable_from_value("default_enis", i64::from(kind.enis));
    context.add_variable_from_value("ips_per_eni", i64::from(kind.ipv4_per_eni));
    context.add_variable_from_value("max_pods", i64::from(default));
    if let Some(vcpus) = kind.vcpus {
        context.add_variable_from_value("vcpus", i64::from(vcpus));
    }
    let value = program.execute(&context).map_err(|error| first_line(&error.to_string()))?;
    let number = match value {
        Value::Int(number) => Some(number),
        Value::UInt(number) => i64::try_from(number).ok(),
        #[allow(clippy::cast_possible_truncation, reason = "Karpenter truncates doubles")]
        Value::Float(number) if number.is_finite() => Some(number as i64),
        _ => None,
    };
    let pods =
        number.and_then(|number| u32::try_from(number).ok()).filter(|pods| i32::try_from(*pods).is_ok());
    pods.ok_or_else(|| format!("it gives {} no number of pods", kind.name))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;

    #[test]
    fn expressions_are_computed_for_each_type_as_karpenter_does() {
        for (expression, kind, pods) in [
            ("((default_enis - 1) * (ips_per_eni - 1)) + 2", "m5.large", 20),
            ("((default_enis - 1) * (ips_per_eni - 1)) + 2", "m5.4xlarge", 205),
            ("min(110, vcpus * 20)", "m5.large", 40),
            ("min(110, vcpus * 20)", "m5.4xlarge", 110),
            ("max_pods", "m5.large", 29),
            ("instance_type.startsWith('m5') ? 10 : 20", "m5.large", 10),
            // A double is truncated.
            ("7.9", "m5.large", 7),
        ] {
            assert_eq!(evaluate(expression, known(kind).unwrap(), 29), Ok(pods), "{expression} for {kind}");
        }
    }

    #[test]
    fn what_can_not_be_computed_says_why() {
        let m5 = known("m5.large").unwrap();
        for (expression, why) in [
            ("(default_enis", ""),
            ("default_enis - 100", "no number of pods"),
            ("'many'", "no number of pods"),
            ("default_enis / 0", ""),
            ("memory_mib / 256", "memory_mib"),
            ("unknown_thing + 1", ""),
        ] {
            let error = evaluate(expression, m5, 29).unwrap_err();
            assert!(error.contains(why) && !error.is_empty(), "{expression}: {error}");
        }
    }
}
