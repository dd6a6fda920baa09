"""Names near to one that no index has: among those that are known here, or that are known well in the field."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from packaging.utils import canonicalize_name

_LIKENESS = 0.75  # of 1
# What people of the field mistype; an index is asked whether it has such a name before it is shown
_KNOWN_WELL = frozenset(
    """
    numpy scipy pandas matplotlib seaborn plotly bokeh altair scikit-learn scikit-image statsmodels sympy
    networkx numba cython dask distributed xarray zarr netcdf4 h5py tables pyarrow polars duckdb joblib
    cloudpickle torch torchvision torchaudio tensorflow keras jax jaxlib flax optax transformers tokenizers
    datasets accelerate diffusers peft safetensors sentence-transformers huggingface-hub lightning
    pytorch-lightning xgboost lightgbm catboost optuna hydra-core omegaconf mlflow wandb tensorboard ray onnx
    onnxruntime opencv-python opencv-python-headless pillow imageio tifffile nltk spacy gensim openai anthropic
    tiktoken langchain faiss-cpu biopython pysam anndata scanpy rdkit mdanalysis openmm ase pymatgen astropy
    healpy geopandas shapely fiona rasterio pyproj cartopy folium requests urllib3 httpx aiohttp websockets
    flask django fastapi starlette uvicorn gunicorn tornado jinja2 markupsafe werkzeug click typer rich tqdm
    colorama tabulate pydantic attrs marshmallow dataclasses-json pyyaml ruamel-yaml toml tomli tomlkit orjson
    ujson msgpack protobuf grpcio lxml beautifulsoup4 html5lib selenium playwright scrapy boto3 botocore s3fs
    fsspec gcsfs google-cloud-storage azure-storage-blob sqlalchemy alembic psycopg2 psycopg2-binary pymysql
    pymongo redis celery kombu openpyxl xlrd xlsxwriter python-docx pypdf reportlab pytest pytest-cov
    pytest-xdist pytest-mock hypothesis tox nox coverage black isort flake8 pylint mypy ruff bandit pre-commit
    ipython ipykernel ipywidgets jupyter jupyterlab notebook nbconvert nbformat papermill sphinx mkdocs
    mkdocs-material setuptools wheel pip build twine hatchling poetry-core flit-core meson-python
    scikit-build-core pybind11 cffi pycparser cryptography pyjwt paramiko bcrypt certifi charset-normalizer idna
    chardet python-dateutil pytz tzdata six typing-extensions packaging platformdirs filelock virtualenv
    importlib-metadata zipp psutil pexpect watchdog python-dotenv loguru structlog sentry-sdk prompt-toolkit
    pygments docutils markdown streamlit gradio dash
    """.split()  # noqa: SIM905 (one a line would be 300 lines)
)


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return up to three of `known` that look like `name`, the nearest first."""
    others = sorted({canonicalize_name(each) for each in known} - {name})
    return tuple(difflib.get_close_matches(name, others, n=3, cutoff=_LIKENESS))


def known_well(name: str) -> tuple[str, ...]:
    """Return up to three names of much used distributions that look like `name`."""
    return nearest(name, _KNOWN_WELL)
