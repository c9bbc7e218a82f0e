"""What a study has, in the words of the `NEEDS` of tables and figures."""

from collections.abc import Hashable, Iterable, Iterator

from swflow.study.study import Experiment, Study

# Values of a setting, at least, of which a power law can be told.
LEAST_REFINED = 3


def facts_of(study: Study) -> frozenset[str]:
    """All that can be told of a study's presets and experiments alone."""
    experiments = study.experiments
    flows = [(e, study.flows[e.flow]) for e in experiments]
    sizes = _sizes(study)
    found = {
        "experiments": bool(experiments),
        "models": any(e.models for e in experiments),
        "learned_flows": any(_is_learned(study, e) for e in experiments),
        "images": any(study.images_of(e.dataset) for e in experiments),
        "several_flows": _flows_to_images(study) >= LEAST_REFINED,
        "labels": any(flow.labels for _, flow in flows),
        "completed": any(flow.known is not None for _, flow in flows),
        "entropy": any(max(flow.entropies) > 0 for _, flow in flows),
        "gaussian": any(study.datasets[e.dataset].gaussian for e in experiments),
        "optimal_map": any(_map_is_known(study, e) for e in experiments),
        "learned_entropies": any(
            _is_learned(study, e) and len(flow.entropies) > 1 for e, flow in flows
        ),
        "sizes": sizes > 1,
        "three_sizes": sizes >= LEAST_REFINED,
        "over_time": study.score.generation_stride is not None,
        "planted": study.score.plant,
        "disjoint": any(e.disjoint for e in experiments),
        "refined": _most(_refined(study)) >= LEAST_REFINED,
        "regularised": any(flow.strengths for _, flow in flows),
    }
    return frozenset(name for name, there in found.items() if there)


def _is_learned(study: Study, experiment: Experiment) -> bool:
    """Whether a model learns an experiment's flow, and not its rows alone."""
    return any(study.models[name].learns_from == "flow" for name in experiment.models)


def _most(pairs: Iterable[tuple[Hashable, Hashable]]) -> int:
    """How many different values the key has that has most of them."""
    values: dict[Hashable, set[Hashable]] = {}
    for key, value in pairs:
        values.setdefault(key, set()).add(value)
    return max(map(len, values.values()), default=0)


def _refined(study: Study) -> Iterator[tuple[Hashable, Hashable]]:
    """Numbers that flows to a dataset differ in."""
    for e in study.experiments:
        flow = study.flows[e.flow]
        numbers = (flow.n_directions, flow.n_particles, flow.step.max, flow.target_batch)
        named = enumerate(numbers)
        yield from (((e.dataset, k), value) for k, value in named if value is not None)


def _flows_to_images(study: Study) -> int:
    """How many flows there are to one dataset of images."""
    experiments = study.experiments
    return _most((e.dataset, e.flow) for e in experiments if study.images_of(e.dataset))


def _sizes(study: Study) -> int:
    """Of how many sizes a dataset is to which a flow runs, at most.

    None are told apart where a flow runs on several sizes of datasets of several kinds.
    """
    flows: dict[str, dict[Hashable, set[Hashable]]] = {}
    for e in study.experiments:
        dataset = study.datasets[e.dataset]
        kinds = flows.setdefault(e.flow, {})
        sizes = kinds.setdefault((dataset.kind, getattr(dataset, "of", None)), set())
        sizes.add(getattr(dataset, "n_train", None))
    of_flows = [[len(sizes) for sizes in kinds.values()] for kinds in flows.values()]
    if any(len(of) > 1 and max(of) > 1 for of in of_flows):
        return 0
    return max((max(of) for of in of_flows), default=0)


def _map_is_known(study: Study, experiment: Experiment) -> bool:
    """Whether models of the optimal map learn where it is known."""
    known = study.datasets[experiment.dataset].map_known
    return known and any(study.models[name].maps_optimally for name in experiment.models)
