use proptest::prelude::*;

use super::*;

fn of(name: &str) -> &'static InstanceType {
    known(name).unwrap_or_else(|| panic!("{name} is not in the table"))
}

fn pods(name: &str, options: Options) -> Result<u32, MaxPodsError> {
    max_pods(of(name), &options).map(MaxPods::get)
}

const NO_WARM: Warm = Warm { enis: None, prefixes: None, addresses: None, least_addresses: None };
const CUSTOM: Options =
    Options { custom: true, prefix: false, pod_eni: false, max_eni: None, cap: false, warm: NO_WARM };

#[test]
fn figures_match_the_documentation() {
    let table = [
        ("t3.micro", 4, 3, 3, 18),
        ("t3.medium", 17, 12, 12, 110),
        ("m5.large", 29, 20, 20, 110),
        ("m5.xlarge", 58, 44, 44, 110),
        ("m5.4xlarge", 234, 205, 110, 110),
        ("m5.24xlarge", 737, 688, 250, 250),
        // More than one network card: the interfaces of the others don't count.
        ("p5.48xlarge", 100, 51, 51, 250),
        ("trn2.48xlarge", 100, 51, 51, 250),
        ("trn1.32xlarge", 247, 198, 198, 250),
    ];
    for (name, standard, custom, custom_capped, prefix_capped) in table {
        let row = row(of(name));
        assert_eq!(
            (row.standard, row.custom, row.custom_capped, row.prefix_capped),
            (Some(standard), Some(custom), Some(custom_capped), Some(prefix_capped)),
            "{name}"
        );
    }
    assert_eq!(row(of("m5.large")).prefix, Some(290));
}

#[test]
fn one_interface_leaves_none_for_pods() {
    let row = row(of("hpc6id.32xlarge"));
    assert_eq!(
        (row.standard, row.custom, row.custom_capped, row.prefix, row.prefix_capped),
        (Some(51), None, None, None, None)
    );
    let error = pods("hpc6id.32xlarge", CUSTOM).unwrap_err();
    assert_eq!(
        error.to_string(),
        "hpc6id.32xlarge can have 1 network interface on its default network card, and custom networking keeps the first for the node: none is left for pods"
    );
}

#[test]
fn prefixes_need_nitro() {
    let error = pods("t2.micro", Options { prefix: true, ..CUSTOM }).unwrap_err();
    assert_eq!(error.to_string(), "t2.micro is not built on the Nitro system, which prefix delegation needs");
    assert_eq!(pods("m5.metal", Options { prefix: true, ..CUSTOM }), Ok(14 * 49 * 16 + 2));
}

#[test]
fn security_groups_for_pods_take_an_interface() {
    assert_eq!(pods("m5.large", Options { pod_eni: true, ..Options::default() }), Ok(20));
    assert_eq!(pods("m5.large", Options { pod_eni: true, ..CUSTOM }), Ok(11));
    assert!(pods("t3.micro", Options { pod_eni: true, ..CUSTOM }).is_err());
}

#[test]
fn max_eni_limits_the_interfaces() {
    let with = |limit| pods("m5.large", Options { max_eni: Some(limit), ..CUSTOM });
    assert_eq!(with(2), Ok(11));
    assert_eq!(with(99), Ok(20));
    assert_eq!(with(0), Ok(20));
    assert!(with(1).is_err());
}

#[test]
fn unknown_vcpus_get_the_lower_cap() {
    let mut large = of("m5.24xlarge").clone();
    large.vcpus = None;
    assert_eq!(max_pods(&large, &Options { cap: true, ..CUSTOM }).map(MaxPods::get), Ok(110));
}

#[test]
fn a_full_node_and_its_reserve_fit_the_addresses_counted() {
    let of = |name, options| subnet_addresses(of(name), &options).unwrap();
    // 18 pods need both of the interfaces that are for pods, with ten addresses each.
    assert_eq!(of("m5.large", CUSTOM), 20);
    // 108 of 203 pods: four interfaces of thirty, and one in reserve.
    assert_eq!(of("m5.4xlarge", Options { cap: true, ..CUSTOM }), 150);
    // Seven prefixes for 108 pods, one in reserve, all on one interface.
    assert_eq!(of("m5.large", Options { cap: true, prefix: true, ..CUSTOM }), 8 * 16 + 1);
}

#[test]
fn warm_targets_change_what_a_full_node_holds() {
    let of = |name, prefix, warm| {
        subnet_addresses(of(name), &Options { cap: true, prefix, warm, ..CUSTOM }).unwrap()
    };
    let warm = Warm::default();
    // Counted singly: 108 and five in reserve on four interfaces, whatever WARM_ENI_TARGET says.
    assert_eq!(of("m5.4xlarge", false, Warm { addresses: Some(5), enis: Some(3), ..warm }), 113 + 4);
    assert_eq!(of("m5.4xlarge", false, Warm { least_addresses: Some(150), ..warm }), 150 + 6);
    // No more than the type has.
    assert_eq!(of("m5.large", false, Warm { addresses: Some(100), ..warm }), 18 + 2);
    assert_eq!(of("m5.4xlarge", false, Warm { enis: Some(0), ..warm }), 4 * 30);
    // Zero is not set.
    assert_eq!(of("m5.4xlarge", false, Warm { addresses: Some(0), ..warm }), 150);
    assert_eq!(of("m5.large", true, Warm { prefixes: Some(3), ..warm }), 10 * 16 + 2);
    assert_eq!(of("m5.large", true, Warm { addresses: Some(1), ..warm }), 7 * 16 + 1);
}

#[test]
fn rows_of_json_are_what_scripts_read() {
    assert_eq!(
        serde_json::to_string(&row(of("hpc6id.32xlarge"))).unwrap(),
        r#"{"instance_type":"hpc6id.32xlarge","standard":51,"custom":null,"custom_capped":null,"prefix":null,"prefix_capped":null}"#
    );
    assert_eq!(
        serde_json::to_string(&[Architecture::X86_64, Architecture::Arm64]).unwrap(),
        r#"["x86_64","arm64"]"#
    );
}

#[test]
fn figures_of_every_known_type_are_in_line() {
    for known in all() {
        let Row { instance_type: name, standard, custom, custom_capped, prefix, prefix_capped } = row(known);
        assert!(known.enis >= 1 && known.ipv4_per_eni >= 2, "{name}");
        let standard = standard.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(standard, known.enis * (known.ipv4_per_eni - 1) + 2, "{name}");
        assert_eq!(custom.is_some(), known.enis > 1, "{name}");
        assert_eq!(prefix.is_some(), known.enis > 1 && known.nitro, "{name}");
        if let (Some(custom), Some(capped)) = (custom, custom_capped) {
            assert_eq!(standard - custom, known.ipv4_per_eni - 1, "{name}");
            assert!(capped <= custom && capped <= 250, "{name}");
            assert!(capped == custom || capped == 110 || capped == 250, "{name}");
        }
        if let (Some(prefix), Some(capped)) = (prefix, prefix_capped) {
            assert_eq!(prefix - 2, 16 * (custom.unwrap_or(0) - 2), "{name}");
            assert!(capped <= prefix && capped <= 250, "{name}");
        }
    }
}

fn anything() -> impl Strategy<Value = (InstanceType, Options)> {
    let instance_type = prop::sample::select(all());
    let target = || prop::option::of(0u32..200);
    let warm =
        (target(), target(), target(), target()).prop_map(|(enis, prefixes, addresses, least_addresses)| {
            Warm { enis, prefixes, addresses, least_addresses }
        });
    let options =
        (any::<bool>(), any::<bool>(), any::<bool>(), prop::option::of(0u32..20), any::<bool>(), warm)
            .prop_map(|(custom, prefix, pod_eni, max_eni, cap, warm)| Options {
                custom,
                prefix,
                pod_eni,
                max_eni,
                cap,
                warm,
            });
    (instance_type, options)
}

proptest! {
    /// What a setting takes away, it never gives back.
    #[test]
    fn settings_only_lower_the_number((known, options) in anything()) {
        let Ok(pods) = max_pods(&known, &options) else { return Ok(()) };
        for more in [
            Options { custom: false, ..options },
            Options { pod_eni: false, ..options },
            Options { max_eni: None, ..options },
            Options { cap: false, ..options },
        ] {
            prop_assert!(max_pods(&known, &more)? >= pods, "{:?} {:?}", known, more);
        }
    }

    /// A subnet with that many addresses holds the pods, and no interface is counted that can't be there.
    #[test]
    fn addresses_of_a_node_hold_its_pods((known, options) in anything()) {
        let Ok(addresses) = subnet_addresses(&known, &options) else { return Ok(()) };
        prop_assert!(addresses + 2 > max_pods(&known, &options)?.get());
        let per_eni = if options.prefix { 1 + (known.ipv4_per_eni - 1) * 16 } else { known.ipv4_per_eni };
        prop_assert!(addresses <= known.enis * per_eni);
    }
}
