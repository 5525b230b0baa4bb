"""What is published: sizes and checksums as the publishers state them."""

from qloop.core.errors import InvalidValueError, nearest
from qloop.datasets.dataset import Dataset

_SYCAMORE = "Google Quantum AI, Suppressing quantum errors by scaling a surface code logical qubit, arXiv:2207.06431"
_WILLOW = "Google Quantum AI, Quantum error correction below the surface code threshold, arXiv:2408.13687"
_PRIORS = "Sivak et al., Optimization of decoder priors for accurate quantum error correction, arXiv:2406.02700"
_DYNAMIC = "Google Quantum AI, Demonstrating dynamic surface codes, arXiv:2412.14360"
_IBM = "IBM repetition codes with the calibration of each job, arXiv:2601.16123"


def _zenodo(record: int, name: str, file_name: str, size: int, about: str, citation: str, md5: str = "") -> Dataset:
    return Dataset(
        name=name,
        about=about,
        url=f"https://zenodo.org/api/records/{record}/files/{file_name}/content",
        file_name=file_name,
        bytes=size,
        checksum=f"md5:{md5}" if md5 else "",
        # Two statements of the licence of the IBM deposit disagree: the publisher's page decides.
        licence="see the publisher" if citation == _IBM else "CC BY 4.0",
        citation=f"{citation}; doi:10.5281/zenodo.{record}",
    )


PUBLISHED: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        _zenodo(
            6804040, "sycamore_surface_code", "google_qec3v5_experiment_data.zip", 315_490_804,
            "surface and repetition code memories on Sycamore, distances 3 and 5", _SYCAMORE,
            "a7fd8b481c3087090093106382dc217d",
        ),
        _zenodo(
            13273331, "willow_surface_code", "google_105Q_surface_code_d3_d5_d7.zip", 5_716_907_033,
            "surface code memories on 105 qubits, distances 3, 5 and 7, 1 to 250 rounds", _WILLOW,
            "21fa6ad35b395d838ebcdbc92e364a12",
        ),
        _zenodo(
            13273331, "willow_72q_set1", "google_72Q_surface_code_d3_d5_set1.zip", 30_152_649_005,
            "surface code memories on 72 qubits over 15 hours", _WILLOW, "7875d0fa37fab89e37cf5cd305114cef",
        ),
        _zenodo(
            13273331, "willow_72q_set2", "google_72Q_surface_code_d3_d5_set2.zip", 11_624_820_286,
            "surface code memories on 72 qubits, second set", _WILLOW, "cb331869b9fe7e95d6ec9c945d5278a6",
        ),
        _zenodo(
            13273331, "willow_repetition_code", "google_72Q_repetition_code_d29.zip", 65_033_044_069,
            "repetition code memories of distance 29, 1,000 rounds", _WILLOW, "12c2cc1e5a924c273342b2cb5654394d",
        ),
        _zenodo(
            11403595, "sycamore_priors_surface", "google_sycamore_surface_code_d3_d5.zip", 6_216_793_617,
            "surface code memories on Sycamore for the study of decoder priors", _PRIORS,
        ),
        _zenodo(
            11403595, "sycamore_priors_repetition", "google_sycamore_repetition_code_d21.zip", 4_921_810_549,
            "repetition code memories on Sycamore for the study of decoder priors", _PRIORS,
        ),
        _zenodo(
            14238907, "dynamic_surface_code", "google_dynamic_circuits_d3_d5.zip", 2_081_742_123,
            "hexagonal, walking and iSWAP surface codes, distances 3 and 5", _DYNAMIC,
        ),
        _zenodo(
            20768087, "ibm_fez", "ibm_fez.tar.gz", 9_021_652,
            "repetition codes on ibm_fez with the calibration of each job", _IBM,
        ),
        _zenodo(
            20768087, "ibm_kingston", "ibm_kingston.tar.gz", 71_399_630,
            "repetition codes on ibm_kingston with the calibration of each job", _IBM,
        ),
        _zenodo(
            20768087, "ibm_pittsburgh", "ibm_pittsburgh.tar.gz", 65_285_202,
            "repetition codes on ibm_pittsburgh with the calibration of each job", _IBM,
        ),
    )
}  # fmt: skip


def find_dataset(name: str) -> Dataset:
    """Return the published file of a name.

    Raises:
        InvalidValueError: there is none; the nearest is suggested.
    """
    if name not in PUBLISHED:
        raise InvalidValueError(f"`{name}` is not a published data set: {nearest(name, PUBLISHED)}")
    return PUBLISHED[name]
