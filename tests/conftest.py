"""Shared fixtures: ontologies, three annotated documents and a random two-layer encoder, all made here."""

from __future__ import annotations

import os
import signal
import string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sitrep_ie.document import Example
from sitrep_ie.ontology import Ontology

if TYPE_CHECKING:
    from sitrep_ie.config import Config
    from sitrep_ie.extractor import Extractor

# Set before anything imports transformers: no test may reach the network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# A shell that starts the tests in the background makes them, and the commands they start, deaf to Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent

TINY_INLINE = """\
# id: tiny-convoy | source: made up | published: 2031-05-04 | title: Convoys of the week
{DATE d1|May 2}: {ACTOR a1|Border guards} {MOVEMENT e1|sent} a {OBJECT o1|convoy} of {QUANTITY q1|about 20} \
{OBJECT o2|trucks} to {LOCATION l1|Karsk} in {LOCATION l2|northern Veld}. The {OBJECT o3|convoy} \
{MOVEMENT e2|arrived} at {DATE d2|dawn}.
> e1 AGENT a1
> e1 TIME d1
> e1 THEME o1
> e1 THEME o2
> e1 DESTINATION l1
> q1 QUANTITY_OF o2
> l1 LOCATED_IN l2
> o3 SAME_AS o1
> e2 SAME_EVENT e1
> e2 THEME o3
> e2 TIME d2

{DATE d1|May 3}: no {OBJECT o1|vehicles} {MOVEMENT e1|entered} {LOCATION l1|Karsk}.
> e1 THEME o1
> e1 DESTINATION l1
> e1 TIME d1
> e1 IS NEGATED

# id: tiny-raid | source: made up | published: 2031-06-10
The {ACTOR a1|Northern Brigade} ({ACTOR a2|NB}) said {QUANTITY q1|two} {AIRSTRIKE e1|strikes} on \
{LOCATION l1|Tal Amber} {DEATH e2|killed} {QUANTITY q2|at least three} {ACTOR a3|militants} \
{DATE d1|yesterday}.
> a2 SAME_AS a1
> e1 REPORTER a1
> e1 COUNT q1
> e1 TARGET l1
> e1 TIME d1
> e1 IS AGGREGATE
> e2 SUBEVENT_OF e1
> e2 TARGET a3
> e2 REPORTER a1
> q2 QUANTITY_OF a3

{ACTOR a1|NB} will {DETENTION e1|arrest} {QUANTITY q1|several} {ACTOR a2|suspects}.
> e1 AGENT a1
> e1 TARGET a2
> e1 IS PLANNED
> q1 QUANTITY_OF a2

# id: tiny-plain | source: made up
Weather in the valley stayed calm and the market was open.

On {DATE d1|Friday} {ACTOR a1|gunmen} {DETENTION e1|freed} {QUANTITY q1|five} {ACTOR a2|drivers} near \
{LOCATION l1|Karsk}.
> e1 AGENT a1
> e1 TARGET a2
> e1 PLACE l1
> e1 TIME d1
> e1 IS RELEASE
> q1 QUANTITY_OF a2
"""

_EVENT = ["EVENT"]
_SPANS = ["ACTOR", "OBJECT", "QUANTITY", "DATE", "LOCATION"]
TINY_ONTOLOGY = {
    "name": "tiny",
    "version": "1",
    "attributes": ["NEGATED", "PLANNED", "AGGREGATE", "RELEASE"],
    "mentions": dict.fromkeys(_SPANS, ""),
    "events": {name: {} for name in ("MOVEMENT", "AIRSTRIKE", "DETENTION", "DEATH")},
    "relations": {
        "AGENT": {"kind": "role", "head": _EVENT, "tail": ["ACTOR", "OBJECT"]},
        "TARGET": {"kind": "role", "head": _EVENT, "tail": ["ACTOR", "OBJECT", "LOCATION", "QUANTITY"]},
        "THEME": {"kind": "role", "head": ["MOVEMENT"], "tail": ["ACTOR", "OBJECT", "QUANTITY"]},
        "PLACE": {"kind": "role", "head": _EVENT, "tail": ["LOCATION"]},
        "DESTINATION": {"kind": "role", "head": ["MOVEMENT"], "tail": ["LOCATION"]},
        "TIME": {"kind": "role", "head": _EVENT, "tail": ["DATE"]},
        "COUNT": {"kind": "role", "head": _EVENT, "tail": ["QUANTITY"]},
        "REPORTER": {"kind": "role", "head": _EVENT, "tail": ["ACTOR"]},
        "QUANTITY_OF": {"kind": "mention", "head": ["QUANTITY"], "tail": ["ACTOR", "OBJECT", "LOCATION"]},
        "LOCATED_IN": {"kind": "mention", "head": ["LOCATION", "OBJECT", "ACTOR"], "tail": ["LOCATION"]},
        "SAME_AS": {"kind": "mention", "head": _SPANS, "tail": _SPANS},
        "SAME_EVENT": {"kind": "event", "head": _EVENT, "tail": _EVENT},
        "SUBEVENT_OF": {"kind": "event", "head": _EVENT, "tail": _EVENT},
    },
}


@pytest.fixture(scope="session")
def ontology() -> Ontology:
    """The shipped ontology."""
    return Ontology.load(ROOT / "configs" / "ontology.toml")


@pytest.fixture(scope="session")
def tiny_ontology() -> Ontology:
    """Four event types; the tiny examples fit it as well as the shipped one."""
    return Ontology.from_dict(TINY_ONTOLOGY, "tiny ontology")


@pytest.fixture(scope="session")
def tiny_examples(ontology: Ontology) -> list[Example]:
    """Three annotated documents: five paragraphs, every mention type, every attribute but HYPOTHETICAL."""
    from sitrep_ie.formats.inline import parse_inline

    return list(parse_inline(TINY_INLINE, "tiny examples", ontology))


@pytest.fixture(scope="session")
def tiny_encoder_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `AutoModel` and `AutoTokenizer` load it, see `make_tiny_encoder`."""
    return make_tiny_encoder(tmp_path_factory.mktemp("tiny-encoder"))


def make_tiny_encoder(path: Path) -> Path:
    """Writes a random two-layer BERT and a WordPiece tokenizer.

    The vocabulary holds the words of the tiny examples and every ASCII character, so that no ASCII text
    gives an unknown token; words not in the examples come out as one piece per character.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, BertTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    marks = [c for c in map(chr, range(33, 127)) if not c.isupper()]
    letters = string.ascii_lowercase + string.digits
    words = sorted({word for word in _words(TINY_INLINE) if len(word) > 1})
    vocabulary = {
        token: i for i, token in enumerate([*special, *marks, *(f"##{c}" for c in letters), *words])
    }
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=512,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        BertModel(config).eval().save_pretrained(path)
    BertTokenizerFast(tokenizer_object=backend, do_lower_case=True, model_max_length=512).save_pretrained(
        path
    )
    return path


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


@pytest.fixture(scope="session")
def tiny_config(tiny_encoder_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Learns the tiny examples by heart in a second or two."""
    return make_tiny_config(tmp_path_factory.mktemp("tiny-data"), tiny_encoder_path)


def make_tiny_config(folder: Path, encoder_path: Path) -> Config:
    """Writes the tiny examples into `folder`; no dropout, no masks, large steps."""
    from sitrep_ie.config import Config, DataConfig, EncodeConfig, ModelConfig, TrainConfig

    data = folder / "tiny.ann"
    data.write_text(TINY_INLINE, encoding="utf-8")
    return Config(
        name="tiny",
        encode=EncodeConfig(max_tokens=64, context_tokens=8, heading_tokens=8),
        model=ModelConfig(
            encoder=str(encoder_path),
            tag_hidden=32,
            span_hidden=32,
            span_layers=1,
            pair_hidden=32,
            context_hidden=8,
            dropout=0.0,
            head_dropout=0.0,
        ),
        data=DataConfig(
            ontology=str(ROOT / "configs" / "ontology.toml"), train=(str(data),), dev=(f"seen={data}",)
        ),
        train=TrainConfig(
            epochs=30,
            batch_tokens=256,
            encoder_learning_rate=5e-3,
            head_learning_rate=1e-2,
            train_embeddings=True,
            ema_decay=0.0,
            word_dropout=0.0,
            case_dropout=0.0,
            precision="float32",
            evaluate_from=0.99,
        ),
    )


@pytest.fixture(scope="session")
def tiny_model_path(tiny_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that gives the tiny examples' gold back; copy it before changing anything in it."""
    from sitrep_ie.train import train

    path = tmp_path_factory.mktemp("tiny-model") / "model"
    train(tiny_config, path, device="cpu", weights="float32", progress=False)
    return path


@pytest.fixture(scope="session")
def tiny_extractor(tiny_model_path: Path) -> Extractor:
    """The tiny model without resolvers: what it finds, it finds by itself."""
    from sitrep_ie.assemble import Resolvers
    from sitrep_ie.extractor import Extractor

    loaded = Extractor.load(tiny_model_path, device="cpu")
    return Extractor(
        loaded.model, loaded.text_encoder, loaded.ontology, loaded.config, resolvers=Resolvers.none()
    )
