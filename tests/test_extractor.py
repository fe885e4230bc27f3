"""Documents to reports: the batch changes nothing, windows change nothing, failures are named."""

from __future__ import annotations

import dataclasses
import datetime
import gc
import itertools
import shutil
import sys
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sitrep_ie import extractor as extractor_module
from sitrep_ie.assemble import Resolvers
from sitrep_ie.config import Config, EncodeConfig
from sitrep_ie.document import Annotation, Document
from sitrep_ie.encode import TextEncoder
from sitrep_ie.errors import ConfigError, DeviceError, DocumentError, ModelError, OntologyError, SitrepError
from sitrep_ie.extractor import (
    Extractor,
    default_model_folder,
    extract,
    make_document,
    resolve_device,
    resolve_precision,
)
from sitrep_ie.model import ExtractionModel, LinkOutput, TagOutput, allowed_relations


@pytest.fixture
def documents(tiny_examples):
    """The tiny documents, one of many windows, and some that hold little or nothing."""
    texts = [example.document.text for example in tiny_examples]
    more = ["\n\n".join(texts * 4), "", " \n ", "x", texts[1].replace("\n", " ")]
    return [example.document for example in tiny_examples] + [
        Document(f"more-{number}", text) for number, text in enumerate(more)
    ]


def close(one: Annotation, other: Annotation) -> bool:
    """The same but for rounding of scores."""
    scores = [
        [node.score for node in annotation.spans()]
        + [link.score for link in annotation.relations]
        + [score for trigger in annotation.triggers for _, score in trigger.attribute_scores]
        for annotation in (one, other)
    ]
    return one == other and scores[0] == pytest.approx(scores[1], abs=1e-5)


# ---- what comes out ----


def test_a_model_gives_back_what_it_learnt(tiny_extractor, tiny_examples):
    found = list(tiny_extractor.annotate_many(example.document for example in tiny_examples))
    assert [annotation.spans() for annotation in found] == [e.gold.spans() for e in tiny_examples]
    for annotation, example in zip(found, tiny_examples, strict=True):
        assert set(annotation.relations) == set(example.gold.relations)
        annotation.check(example.document)


def test_reports_hold_events_of_the_text_as_given(tiny_extractor, tiny_examples):
    document = tiny_examples[0].document
    report = tiny_extractor.extract(document)
    assert (report.document, report.published) == (document, document.published)
    assert [(event.type, event.modality) for event in report.events] == [
        ("MOVEMENT", "actual"),
        ("MOVEMENT", "negated"),
    ]
    for mention in report.to_dict()["mentions"]:
        assert document.text[mention["start"] : mention["end"]] == mention["text"]


@given(st.text(st.one_of(st.characters(), st.sampled_from("Karsk trucks\r\n20\x00\ud800")), max_size=80))
@settings(max_examples=25, deadline=None)
def test_any_text_gives_a_well_formed_report(tiny_extractor, text):
    report = tiny_extractor.extract(text)
    report.annotation.check(report.document)
    assert report.document.text == text


# ---- batches ----


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_the_batch_changes_nothing(tiny_extractor, documents, batch_size):
    alone = {
        document.id: next(tiny_extractor.annotate_many([document], batch_size=1)) for document in documents
    }
    assert sum(len(annotation.relations) for annotation in alone.values()) > 100
    for order in (documents, documents[::-1], documents[1::2] + documents[::2]):
        together = list(tiny_extractor.annotate_many(order, batch_size=batch_size))
        assert [annotation.document_id for annotation in together] == [document.id for document in order]
        for annotation in together:
            assert close(annotation, alone[annotation.document_id])


class WordModel(nn.Module):
    """Stands in for the network: what it says of a word depends on the word's own tokens and nothing else."""

    def __init__(self, ontology, num_words_seen=None):
        super().__init__()
        self.encoder = SimpleNamespace(config=SimpleNamespace())
        self.num_tags = 1 + 2 * len(ontology.span_types)
        self.num_attributes = len(ontology.attributes)
        self.register_buffer("allowed_TTR", torch.from_numpy(allowed_relations(ontology)))

    linkable = ExtractionModel.linkable

    def tag(self, batch, precision="float32"):
        num_windows, num_words = batch.word_mask_BW.shape
        sums = torch.zeros(num_windows, num_words + 1, dtype=torch.long)
        sums = sums.scatter_add(1, batch.token_words_BL, batch.token_ids_BL)[:, :num_words]
        tags = torch.arange(self.num_tags)
        logits = torch.sin(sums[..., None] * 12.9898 + tags * 78.233) * 9.0
        return TagOutput(states_BWH=sums[..., None].float(), tag_logits_BWT=logits)

    def link(self, states, spans):
        window, head, tail = spans.pairs_P3.unbind(dim=1)
        first = states[window, spans.firsts_BN[window, head], 0]
        second = states[window, spans.firsts_BN[window, tail], 0]
        relations = torch.arange(self.allowed_TTR.shape[-1])
        logits = torch.sin((first * 3 + second * 7)[:, None] + relations) * 5
        allowed = self.allowed_TTR[spans.types_BN[window, head], spans.types_BN[window, tail]]
        attributes = torch.sin(states[:, :1].expand(*spans.firsts_BN.shape, self.num_attributes) * 0.0)
        return LinkOutput(logits.masked_fill(~allowed, float("-inf")), attributes)


def test_many_small_windows_give_the_same_as_one(tiny_encoder_path, tiny_ontology):
    text_encoder = TextEncoder.load(tiny_encoder_path / "tokenizer.json")
    words = "Karsk 20 trucks guards said Veld strikes on and NB dawn five".split()
    paragraphs = [
        " ".join(words[(3 * number + step * (number % 5 + 1)) % len(words)] for step in range(4 + number % 6))
        for number in range(24)
    ]
    text = "\n\n".join(paragraphs)

    def run(max_tokens, context, heading):
        encode = EncodeConfig(max_tokens=max_tokens, context_tokens=context, heading_tokens=heading)
        extractor = Extractor(
            WordModel(tiny_ontology), text_encoder, tiny_ontology, Config(encode=encode), "cpu"
        )
        windows = text_encoder.windows(text_encoder.encode(text), encode)
        return len(windows), next(extractor.annotate_many([text]))

    one, whole = run(512, 48, 16)
    assert one == 1
    assert len(whole.spans()) > 40
    assert len(whole.relations) > 40
    for sizes in ((32, 0, 0), (48, 8, 0), (48, 4, 8), (64, 12, 8)):
        many, stitched = run(*sizes)
        assert many > 3
        assert close(stitched, whole)


# ---- streams ----


def test_reports_come_before_the_documents_end(tiny_extractor, tiny_examples):
    pulled = []

    def forever():
        for number in itertools.count():
            pulled.append(number)
            yield Document(str(number), tiny_examples[number % 3].document.text)

    for number, report in zip(range(100), tiny_extractor.extract_many(forever(), batch_size=1), strict=False):
        assert report.document.id == str(number)
        # Windows are sorted by length over a few batches, and no more than these are read ahead.
        assert len(pulled) - number < 50


def test_a_stream_of_blank_documents_is_given_out_too(tiny_extractor):
    blank = iter([""] * 5000)
    reports = tiny_extractor.extract_many(blank, batch_size=1)
    assert [report.events for report in itertools.islice(reports, 5)] == [()] * 5
    assert len(list(blank)) > 3000  # were not read ahead


def test_strings_are_numbered_and_blank_ones_have_no_events(tiny_extractor):
    reports = list(tiny_extractor.extract_many(iter(["", "  \n\t", "Weather."])))
    assert [report.document.id for report in reports] == ["1", "2", "3"]
    assert all(report.events == () and report.annotation.spans() == [] for report in reports[:2])
    assert list(tiny_extractor.extract_many([])) == []


@pytest.mark.parametrize("item", [None, 3, b"bytes", ["text"]], ids=repr)
def test_what_is_no_document_is_named_by_its_position(tiny_extractor, item):
    with pytest.raises(DocumentError, match=rf"document '2': text is {type(item).__name__}, expected str"):
        list(tiny_extractor.annotate_many(["fine", item]))


@pytest.mark.parametrize("single", ["Border guards left.", Document("d", "Border guards left.")], ids=type)
def test_a_single_document_is_no_list_of_documents(tiny_extractor, single):
    with pytest.raises(DocumentError, match="found a single one"):
        next(tiny_extractor.extract_many(single))


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size(tiny_extractor, batch_size):
    with pytest.raises(ConfigError, match=f"batch_size {batch_size}: expected at least 1"):
        next(tiny_extractor.extract_many(["text"], batch_size=batch_size))


def failing_extractor(tiny_extractor, error):
    def fail(text):
        raise error

    resolvers = dataclasses.replace(Resolvers.none(), document_date=fail)
    parts = (tiny_extractor.model, tiny_extractor.text_encoder, tiny_extractor.ontology)
    return Extractor(*parts, tiny_extractor.config, resolvers=resolvers)


def test_a_document_that_fails_is_named(tiny_extractor):
    broken = failing_extractor(tiny_extractor, OntologyError("no such type"))
    with pytest.raises(OntologyError, match="document 'd7': no such type"):
        broken.extract("Border guards left.", id="d7")


def test_a_failing_document_is_named_once(tiny_extractor):
    broken = failing_extractor(tiny_extractor, OntologyError("document 'd7': no such type"))
    with pytest.raises(OntologyError) as caught:
        broken.extract("Border guards left.", id="d7")
    assert str(caught.value) == "document 'd7': no such type"


def test_an_unforeseen_error_tells_of_which_document_it_is(tiny_extractor):
    broken = failing_extractor(tiny_extractor, ZeroDivisionError("by nothing"))
    with pytest.raises(ZeroDivisionError) as caught:
        broken.extract("Border guards left.", id="d7")
    # Notes came with Python 3.11.
    expected = ["document 'd7'"] if sys.version_info >= (3, 11) else []
    assert getattr(caught.value, "__notes__", []) == expected


def test_a_network_that_gives_no_numbers_is_an_error(tiny_encoder_path, tiny_ontology, monkeypatch):
    def tag(self, batch, precision="float32"):
        logits = torch.full((*batch.word_mask_BW.shape, self.num_tags), float("nan"))
        return TagOutput(batch.word_mask_BW[..., None].float(), logits)

    monkeypatch.setattr(WordModel, "tag", tag)
    text_encoder = TextEncoder.load(tiny_encoder_path / "tokenizer.json")
    extractor = Extractor(WordModel(tiny_ontology), text_encoder, tiny_ontology, Config())
    with pytest.raises(ModelError, match="the network's output is not finite"):
        next(extractor.annotate_many(["guards"]))


# ---- arguments ----


def test_published_is_a_day_in_any_usual_form(tiny_extractor):
    day = datetime.date(2031, 5, 4)
    for form in ("2031-05-04", day, datetime.datetime(2031, 5, 4, 12, 30)):
        assert tiny_extractor.extract("Border guards left.", published=form).published == day
    document = Document("d", "Border guards left.", published=datetime.date(2000, 1, 1))
    assert tiny_extractor.extract(document).published == datetime.date(2000, 1, 1)
    assert tiny_extractor.extract(document, "2031-05-04").published == day


@pytest.mark.parametrize("published", ["4 May", "2031-13-01", "", 2031, 1.5], ids=repr)
def test_a_day_that_is_none_is_named(tiny_extractor, published):
    for text in ("Border guards left.", Document("mine", "Border guards left.")):
        with pytest.raises(DocumentError, match=r"document '(mine|document)': published .*expected a"):
            tiny_extractor.extract(text, published=published)


def test_the_period_is_that_of_the_call_else_of_the_document(tiny_extractor):
    first, last = datetime.date(2031, 5, 1), datetime.date(2031, 5, 31)
    for period in (("2031-05-01", "2031-05-31"), (first, last), ["2031-05-01", last]):
        report = tiny_extractor.extract("Border guards left.", period=period)
        assert report.document.period == (first, last)
    document = Document("d", "Border guards left.", period=(first, first))
    assert tiny_extractor.extract(document).document.period == (first, first)
    assert tiny_extractor.extract(document, period=(first, last)).document.period == (first, last)


@pytest.mark.parametrize("period", ["2031-05-01", ("2031-05-01",), ("May", "June"), 2031], ids=repr)
def test_a_period_that_is_none_is_named(tiny_extractor, period):
    with pytest.raises(DocumentError, match=r"document 'document': period .*expected"):
        tiny_extractor.extract("Border guards left.", period=period)


def test_a_period_begins_before_it_ends(tiny_extractor):
    with pytest.raises(DocumentError, match="from 2031-05-31 to 2031-05-01, expected its first day first"):
        tiny_extractor.extract("Border guards left.", period=("2031-05-31", "2031-05-01"))


def test_make_document_keeps_the_text():
    text = "\ufeffA\r\nB\x00 "
    assert make_document(text, None, "d").text == text
    with pytest.raises(DocumentError, match="document id ''"):
        make_document(text, None, "")


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_a_gpu_that_is_not_there(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=rf"device '{device}': this machine has 0 CUDA devices"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["gpu", "", "cuda:x", "meta", "xla"])
def test_unknown_devices(device):
    with pytest.raises(DeviceError, match=rf"device '{device}': expected 'auto', 'cpu'"):
        resolve_device(device)


def test_a_mac_elsewhere(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="device 'mps': this machine has no MPS device"):
        resolve_device("mps")


def test_known_devices(monkeypatch):
    assert resolve_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for there in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert resolve_device("auto") == ("cuda" if there else "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("cuda:1") == "cuda:1"
    with pytest.raises(DeviceError, match="device 'cuda:2': this machine has 2 CUDA devices"):
        resolve_device("cuda:2")


# ---- folders ----


@pytest.fixture
def copied_model(tiny_model_path, tmp_path):
    return shutil.copytree(tiny_model_path, tmp_path / "copy")


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_a_saved_model_gives_the_same(tiny_extractor, documents, tmp_path, precision):
    tiny_extractor.save(tmp_path / "saved", precision)
    again = Extractor.load(tmp_path / "saved", device="cpu")
    assert (again.config, again.ontology) == (tiny_extractor.config, tiny_extractor.ontology)
    found, before = (list(extractor.annotate_many(documents)) for extractor in (again, tiny_extractor))
    if precision == "float32":
        assert all(close(*pair) for pair in zip(found, before, strict=True))
    assert found == before


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(ModelError, match="none: no model folder"):
        Extractor.load(tmp_path / "none")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ModelError, match="file: no model folder"):
        Extractor.load(tmp_path / "file")


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "config.toml", "ontology.json", "tokenizer.json", "encoder.json"]
)
def test_a_file_that_is_missing_or_broken(copied_model, name):
    (copied_model / name).write_bytes(b"\x00 nonsense")
    with pytest.raises(SitrepError, match=rf"{name}: ") as caught:
        Extractor.load(copied_model, device="cpu")
    assert "\n" not in str(caught.value)
    (copied_model / name).unlink()
    with pytest.raises(ModelError, match=rf"copy: {name} is missing, expected a folder written by training"):
        Extractor.load(copied_model, device="cpu")


def test_a_configuration_that_does_not_fit_the_weights(copied_model):
    path = copied_model / "config.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("tag_hidden = 32", "tag_hidden = 48"), encoding="utf-8")
    with pytest.raises(ModelError, match=r"weight 'tag_head\.1\.weight' has shape \(32, 32\), expected"):
        Extractor.load(copied_model, device="cpu")


def test_windows_longer_than_the_encoder_takes(copied_model):
    path = copied_model / "config.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("max_tokens = 64", "max_tokens = 513"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"max_tokens 513: with padding 544, the encoder .* at most 512"):
        Extractor.load(copied_model, device="cpu")


def test_a_model_of_another_ontology(copied_model):
    path = copied_model / "ontology.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("PATROL", "TOUR"), encoding="utf-8")
    with pytest.raises(ModelError, match=r"weights\.safetensors: weights of another ontology"):
        Extractor.load(copied_model, device="cpu")


def test_a_folder_that_cannot_be_written(tiny_extractor, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ModelError, match="file: cannot be written"):
        tiny_extractor.save(tmp_path / "file")


def test_the_shipped_models_folder(tmp_path, monkeypatch):
    package = tmp_path / "site" / "sitrep_ie"
    monkeypatch.setattr(extractor_module.importlib.resources, "files", lambda name: package)
    with pytest.raises(ModelError, match="this installation has no shipped model"):
        default_model_folder()
    (tmp_path / "site" / "models" / "default").mkdir(parents=True)
    assert default_model_folder() == tmp_path / "site" / "models" / "default"
    # The one inside the package, as in a wheel, comes first.
    (package / "models" / "default").mkdir(parents=True)
    assert default_model_folder() == package / "models" / "default"


def test_extract_loads_the_shipped_model_once(tiny_model_path, tiny_examples, monkeypatch):
    monkeypatch.setattr(extractor_module, "default_model_folder", lambda: tiny_model_path)
    extractor_module._default_extractor.cache_clear()
    try:
        report = extract(tiny_examples[0].document.text, published="2031-05-04")
        assert {event.type for event in report} == {"MOVEMENT"}
        monkeypatch.setattr(extractor_module, "default_model_folder", None)
        assert extract("").events == ()
    finally:
        extractor_module._default_extractor.cache_clear()


# ---- precision ----


def test_reduced_precision_changes_scores_little_and_the_default_not_at_all(tiny_model_path, tiny_examples):
    documents = [example.document for example in tiny_examples]
    plain = Extractor.load(tiny_model_path, device="cpu")
    reduced = Extractor.load(tiny_model_path, device="cpu", precision="bfloat16")
    assert (plain.precision, reduced.precision) == ("float32", "bfloat16")
    before, after = (list(extractor.annotate_many(documents)) for extractor in (plain, reduced))
    assert after == before  # scores do not take part
    old, new = ([node.score for a in found for node in a.spans()] for found in (before, after))
    assert old != new
    assert new == pytest.approx(old, abs=0.03)


def test_precision_by_what_the_processor_has(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    for has_it, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda answer=has_it: answer, raising=False
        )
        assert resolve_precision("auto", "cpu") == expected
    assert resolve_precision("auto", "mps") == "float32"
    with pytest.raises(
        ConfigError, match=r"precision 'int4': expected one of \('auto', 'float32', 'bfloat16'\)"
    ):
        resolve_precision("int4", "cpu")


def test_a_wrong_precision_shows_before_the_model_is_loaded(tmp_path):
    with pytest.raises(ConfigError, match="'half'"):
        Extractor.load(tmp_path, device="cpu", precision="half")


def test_passes_on_a_processor_are_small_and_padded_little(tiny_model_path, tiny_examples, monkeypatch):
    extractor = Extractor.load(tiny_model_path, device="cpu")
    shapes = []
    plain = extractor.model.tag

    def tag(batch, precision):
        shapes.append(tuple(batch.token_ids_BL.shape))
        return plain(batch, precision)

    monkeypatch.setattr(extractor.model, "tag", tag)
    documents = [example.document for example in tiny_examples] * 40
    assert len(list(extractor.annotate_many(documents, batch_size=1000))) == len(documents)
    assert max(rows * length for rows, length in shapes) <= 1024
    assert all(length % 8 == 0 for _, length in shapes)
    assert any(length % 32 for _, length in shapes)


@pytest.mark.parametrize("enabled", [True, False])
def test_loading_pauses_the_search_for_garbage_and_leaves_it_as_it_was(
    tiny_model_path, tmp_path, monkeypatch, enabled
):
    seen = []

    def watched(device):
        seen.append(gc.isenabled())
        return resolve_device(device)

    monkeypatch.setattr(extractor_module, "resolve_device", watched)
    try:
        if not enabled:
            gc.disable()
        Extractor.load(tiny_model_path, device="cpu")
        assert gc.isenabled() is enabled
        with pytest.raises(ModelError):
            Extractor.load(tmp_path / "none", device="cpu")
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
    assert seen == [False, False]
