"""A class that is fitted once for all tests that only ask it."""

from __future__ import annotations

import pandas as pd
import pytest

from ml_assets.outlook.inputs import OutlookInput
from ml_assets.outlook.model import OutlookModel, fit
from ml_assets.outlook.publication import COLUMNS, predictions
from tests.ml_assets.outlook.worlds import SMALL, World, made_class


@pytest.fixture(scope="session")
def class_world() -> World:
    return made_class()


@pytest.fixture(scope="session")
def class_input(class_world: World) -> OutlookInput:
    return class_world.at()


@pytest.fixture(scope="session")
def class_later(class_world: World) -> OutlookInput:
    """Eight weeks on, when all that is asked at the cut-off is settled."""
    return class_world.at(56)


@pytest.fixture(scope="session")
def class_model(class_input: OutlookInput) -> OutlookModel:
    return fit(class_input, SMALL)


@pytest.fixture(scope="session")
def nothing_published() -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=object) for column in COLUMNS})


@pytest.fixture(scope="session")
def published(class_model: OutlookModel, class_input: OutlookInput, nothing_published: pd.DataFrame) -> pd.DataFrame:
    return predictions(class_model, class_input, nothing_published)
