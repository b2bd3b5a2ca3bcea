"""Workflow ``explaining``: all methods on all annotated images of a split, compared with control maps."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ...attention import Attention, AttentionOutput, make_attention
from ...common.atomic import write_json
from ...common.choices import check_choice, check_keys
from ...common.failures import Failure, write_failures
from ...common.geometry import SquareGeometry, fit_square
from ...common.printable import printable, quoted
from ...common.progress import Progress
from ...data.annotations import PictureFrame, annotations_of, empty_annotations, findings_of, shown_findings
from ...data.datalist import Datalist, anonymous_groups
from ...dicom import RefusedInput, read_radiograph
from ...dicom.read.radiograph import read_grid
from ...networks.vit_multilabel import ViTMultilabel
from ...report.figures import save_png
from ...tracking import Tracker
from ..kit.result_tables import write_tables
from .controls import Controls, training_priors
from .coverage import film_regions
from .film_dependence import Dependence
from .map_panels import MapExample, panel
from .map_scores import ExplainSettings, Finding, score_maps
from .map_summary import MACRO, FindingScores, Summary, csv_table, summarise
from .map_tables import text_table
from .mean_maps import MeanMaps
from .randomised import Similarity, randomised_similarity

logger = logging.getLogger(__name__)


class Explanation:
    """Evaluation of explanation methods on the annotated images of a split.

    Args:
        datalist: items with ``boxes`` or ``masks``; the training split gives the training prior.
        network: classifier in evaluation mode, with ``labels``.
        methods: names from :data:`...attention.METHODS`, each at most once.
        output_dir: folder of ``explanation.json``, ``.csv``, ``.txt``, ``panel.png`` and ``failures.csv``.
        tracker: MLflow run.
        settings: settings of the evaluation.
        attention: arguments of :func:`...attention.make_attention` for all methods.
        split: split of the datalist.
        limit: number of annotated images, from the beginning of the split; ``None`` uses all.

    Raises:
        ValueError: the split is unknown, a method is named twice or not available for the network, or no image is
            annotated with a label of the network that it shows.
    """

    def __init__(
        self,
        datalist: Datalist,
        network: ViTMultilabel,
        methods: Sequence[str],
        output_dir: str | Path,
        tracker: Tracker,
        settings: ExplainSettings,
        *,
        attention: Mapping[str, Any] | None = None,
        split: str = "test",
        limit: int | None = None,
    ) -> None:
        check_choice("split", split, datalist.splits)
        if not methods or len(set(methods)) != len(methods):
            raise ValueError(f"methods: expected different names, found {list(methods)}; name each once")
        self.datalist, self.network, self.labels = datalist, network, list(network.labels or [])
        check_keys("annotations", settings.annotations, self.labels)
        if not all(isinstance(names, list | tuple) for names in settings.annotations.values()):
            raise ValueError(
                "annotations: expected a list of names for each label, as in {Pneumonia: [Consolidation]}, found "
                f"{quoted(settings.annotations)}; write the names in brackets"
            )
        self.names, self.attention, self.settings = list(methods), dict(attention or {}), settings
        self.output_dir, self.tracker = Path(output_dir), tracker
        self.methods = self.make_methods(network)
        self.items = self.annotated(datalist.splits[split])[:limit]
        self.patients = anonymous_groups(self.items)
        self.params = {"datalist_sha256": datalist.sha256, "split": split, "methods": self.names, **self.attention}
        self.params |= {name: value for name, value in vars(settings).items() if name != "device"}
        self.failures: list[Failure] = []
        self.examples: dict[str, MapExample] = {}
        self.first: list[tuple[torch.Tensor, int]] = []  # images (1, S, S) with a label, for the randomised weights

    def make_methods(self, network: ViTMultilabel) -> dict[str, Attention]:
        """Methods of a network by name."""
        return {name: make_attention(name, network, **self.attention) for name in self.names}

    def annotated(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Items with an annotation of a label of the network, unless the item's ``label`` states it as absent.

        Raises:
            ValueError: no item has one.
        """
        for item in items:
            if absent := findings_of(item, self.labels, self.settings.annotations).keys() - self.shown(item).keys():
                logger.warning(
                    "%s: annotated, but labelled as absent: %s; the annotation is left out",
                    printable(item["image"]), ", ".join(sorted(absent)),
                )  # fmt: skip
        found = [item for item in items if self.shown(item)]
        if not found:
            raise ValueError(
                f"{self.datalist.path}: nothing to compare maps with; expected boxes or masks of "
                f"{', '.join(self.labels)} on images whose label is not 0, found {_counted(items) or 'none'}; name "
                "yours in --annotations, or correct the labels"
            )
        logger.info("%d of %d images are annotated: %s", len(found), len(items), _counted(items))
        return found

    def shown(self, item: Mapping[str, Any]) -> dict[str, set]:
        """Names of the annotations of each label of the network that an item does not lack."""
        return shown_findings(item, self.labels, self.settings.annotations, self.datalist.labels)

    def run(self) -> Summary:
        """Evaluate the methods and write the results. A failure closes the MLflow run as failed.

        Raises:
            ValueError: no finding can be read.
        """
        with self.tracker.recording(self.params):
            controls, outputs = self.make_controls(), self.explain()
            means = MeanMaps(outputs, [self.patients[number] for number in outputs], self.labels)
            rows = [row for number in outputs for row in self.score_image(number, outputs[number], controls, means)]
            write_failures(self.output_dir / "failures.csv", self.failures)
            if not rows:
                raise ValueError(
                    f"{self.datalist.path}: no finding could be read; expected images with boxes or masks within "
                    f"them, found {len(self.failures)} rejected; see {self.output_dir / 'failures.csv'}"
                )
            summary = summarise(rows, replicates=self.settings.bootstrap, seed=self.settings.seed)
            self.write(summary, rows, self.check_randomised(), means.dependence)
        return summary

    def make_controls(self) -> Controls:
        """Control maps: random, centre, and the prior of the training split."""
        grid, size = self.network.patch_grid, self.network.image_size
        priors = training_priors(self.datalist, self.labels, self.settings.annotations, grid, size)
        return Controls(grid, priors, self.settings.seed)

    def explain(self) -> dict[int, dict[str, AttentionOutput]]:
        """Outputs of the methods for each image with a finding; rejected images and annotations are recorded."""
        outputs: dict[int, dict[str, AttentionOutput]] = {}
        for number, item in enumerate(Progress("explaining images", len(self.items)).over(self.items)):
            try:
                findings, refusals = self.read(number)
            except RefusedInput as error:
                findings, refusals = [], [error]
            for refusal in refusals:
                self.failures.append(Failure.of(item["image"], refusal))
                logger.warning("rejected: %s", refusal)
            if findings:
                image = findings[0].image[None]
                outputs[number] = {name: method(image).on_cpu() for name, method in self.methods.items()}
        return outputs

    def score_image(
        self, number: int, outputs: Mapping[str, AttentionOutput], controls: Controls, means: MeanMaps
    ) -> Iterator[FindingScores]:
        """Rows of all methods and controls for all findings of one image."""
        findings, _ = self.read(number)
        frame, counts, window = findings[0].frame, self.settings.region_counts, self.settings.window
        chosen = {name: list(output.region_maps(self.labels)) for name, output in outputs.items()}
        chosen |= controls.region_maps(number) | means.region_maps(number)
        regions = {
            name: [film_regions(frame.pixels(one), counts, window) for one in maps] for name, maps in chosen.items()
        }
        for finding in findings:
            others = controls.maps(finding.name, number) | means.maps(finding.label, number)
            metrics, example = score_maps(finding, outputs, others, regions, self.network, self.settings)
            self.remember(finding, example)
            patient, probability = self.patients[number], example.probability
            yield from (
                FindingScores(method, finding.name, number, patient, probability, own)
                for method, own in metrics.items()
            )

    def read(self, number: int) -> tuple[list[Finding], list[RefusedInput]]:
        """Findings of an image, and the rejections of its annotations that have no pixel.

        Raises:
            RefusedInput: the image or a mask cannot be read.
        """
        item, size = self.items[number], self.network.image_size
        source = torch.from_numpy(read_radiograph(item["image"]).image)
        frame = PictureFrame(SquareGeometry(source.shape[-2], source.shape[-1], size), read_grid(item["image"]))
        image = fit_square(source, size).to(self.settings.device)
        names = self.shown(item)
        drawn = {name: annotations_of(item, {name}, frame) for name in set().union(*names.values())}
        parts = {
            label: [part for name in sorted(own) for part in drawn[name] if part.any()] for label, own in names.items()
        }
        findings = [
            Finding(self.labels.index(label), label, image, number, own, frame) for label, own in parts.items() if own
        ]
        return findings, empty_annotations(item, drawn, frame)

    def remember(self, finding: Finding, example: MapExample) -> None:
        """Keep the first finding of each label for the panel, and the first findings for the check of the weights."""
        if len(self.examples) < self.settings.examples:
            self.examples.setdefault(finding.name, example)
        if len(self.first) < self.settings.sanity_images:
            self.first.append((finding.image, finding.label))

    def check_randomised(self) -> Similarity:
        """Similarity of the maps before and after the weights are randomised."""
        if not self.first:
            return {}
        images, labels = zip(*self.first, strict=True)
        return randomised_similarity(self.network, self.make_methods, torch.stack(images), labels, self.settings.seed)

    def write(
        self, summary: Summary, rows: Sequence[FindingScores], randomised: Similarity, dependence: Dependence
    ) -> None:
        """Write the results to files, the log and MLflow. Images have numbers, because a path may name a patient."""
        content: dict[str, Any] = {"settings": self.params, "summary": summary, "randomised_weights": randomised}
        content["film_dependence"] = dependence
        content["rows"] = [vars(row) for row in rows]
        files = [write_json(self.output_dir / "explanation.json", content)]
        table = text_table(summary, randomised, dependence)
        files += write_tables(self.output_dir, "explanation", csv_table(summary), table)
        if self.examples:
            files.append(save_png(panel(list(self.examples.values())), self.output_dir / "panel.png"))
        logger.info("\n%s", table)
        for method, labels in summary.items():
            self.tracker.log_metrics({f"{method}_{name}": found["mean"] for name, found in labels[MACRO].items()})
        for method, found in dependence.items():
            known = {name: value for name, value in found.items() if value is not None}
            self.tracker.log_metrics({f"{method}_{name}": value for name, value in known.items()})
        self.tracker.log_artifacts(*files)


def _counted(items: Sequence[Mapping[str, Any]]) -> str:
    """Names of the annotations with the number of images of each, as text."""
    names = [{box["label"] for box in item.get("boxes") or []} | set(item.get("masks") or {}) for item in items]
    counts = Counter(name for of_item in names for name in of_item)
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())
