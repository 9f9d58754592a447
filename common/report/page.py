"""The page: sections in their order, and one HTML file that needs nothing beside itself."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from common.images.store import ImageStore
from common.report.activations import activations_section
from common.report.blocks import Charts, Folded, Section
from common.report.classes import classes_section
from common.report.curves import training_section
from common.report.data import data_section
from common.report.gallery import Thumbnails
from common.report.handed_in import submission_section
from common.report.inputs import Inputs
from common.report.judged import judge
from common.report.learning_rates import rates_section
from common.report.look import DARK
from common.report.looking import looking_section
from common.report.pictures import pictures_section
from common.report.predicted import predictions_section
from common.report.radiographs import radiographs_section
from common.report.results import cost_section, headline, result_section
from common.report.split import split_section
from common.report.triage import triage_section


def render(inputs: Inputs) -> str:
    """The report as HTML. Equal inputs give equal text: it holds no time and no random name."""
    sections = report_sections(inputs)
    has_charts = any(isinstance(block, Charts) for section in sections for block in section.blocks)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        headline=headline(inputs),
        sections=sections,
        dark=DARK,
        plotly=get_plotlyjs() if has_charts else None,
    )


def report_sections(inputs: Inputs) -> list[Section]:
    """Those sections that have something to show."""
    targets = inputs.competition.targets
    judged = [rows for name in targets if (rows := judge(inputs, name)) is not None]
    sections = [result_section(inputs)]
    sections += [predictions_section(inputs, rows) for rows in judged]
    thumbnails = None
    if inputs.images.is_file() and "file" in inputs.examples:
        thumbnails = Thumbnails(ImageStore(inputs.images), inputs.examples.set_index(["part", "id"]))
        sections += [pictures_section(inputs, rows, thumbnails) for rows in judged]
        sections.append(looking_section(inputs, thumbnails))
    sections.append(triage_section(inputs, thumbnails))
    sections += [training_section(inputs), activations_section(inputs), rates_section(inputs), cost_section(inputs)]
    sections += [classes_section(inputs, thumbnails), data_section(inputs), split_section(inputs, thumbnails)]
    sections += [radiographs_section(inputs, thumbnails), submission_section(inputs)]
    sections.append(Section("recipe", "Recipe", [Folded("params.yaml", inputs.params_text)]))
    return [section for section in sections if section.blocks]
