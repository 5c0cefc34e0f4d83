"""Models: registered versions, aliases, signatures, and the one function that loads a file.

Names are loaded on their first use: who serves a plan needs nothing of what reads model files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.models.aliases import AliasMove, alias_move, alias_moves
    from lite_mlops.models.answering import Answers, Asking
    from lite_mlops.models.bundles import BUNDLE, Bundle, is_bundle
    from lite_mlops.models.examples import Example
    from lite_mlops.models.explaining import (
        MAX_EXPLAINED,
        Contribution,
        Explanation,
        check_explained,
        explanations,
        why_unexplained,
    )
    from lite_mlops.models.gating import (
        APPROVAL,
        CANNOT_TELL,
        CHAMPION,
        FAILED,
        PASSED,
        Approval,
        Judged,
        Requirement,
        data_path,
        definitions,
        digest_of,
        held_last,
        look_ahead,
        requirement_for,
        requirement_of,
    )
    from lite_mlops.models.importances import (
        built_in_importances,
        class_of,
        final_of,
        names_of_features,
    )
    from lite_mlops.models.loading import (
        Inspection,
        ModelContext,
        ModelFile,
        PythonModel,
        Untrusted,
        inspect_model,
        load_model,
        write_model,
    )
    from lite_mlops.models.lowering import KeptPlan, Part, asking_well, open_asking
    from lite_mlops.models.references import (
        checked_model_name,
        parse_any_reference,
        parse_reference,
    )
    from lite_mlops.models.registering import Prepared, origin_of, record_version, with_plan
    from lite_mlops.models.registry import Models
    from lite_mlops.models.signature import (
        Change,
        Column,
        Departure,
        Inputs,
        InvalidRows,
        Output,
        Problem,
        Signature,
        Table,
        Type,
        compatible,
        infer_signature,
    )
    from lite_mlops.models.signing import open_version
    from lite_mlops.models.tagging import MAX_TAG, WHOLE_MODEL
    from lite_mlops.models.versions import DESCRIPTION, ModelVersion

# Where each name lives; the imports above say the same to type checkers.
_HOMES = {
    "aliases": "AliasMove alias_move alias_moves",
    "answering": "Answers Asking",
    "bundles": "BUNDLE Bundle is_bundle",
    "examples": "Example",
    "explaining": "MAX_EXPLAINED Contribution Explanation "
    "check_explained explanations why_unexplained",
    "gating": "APPROVAL CANNOT_TELL CHAMPION FAILED PASSED Approval Judged Requirement data_path "
    "definitions digest_of held_last look_ahead requirement_for requirement_of",
    "importances": "built_in_importances class_of final_of names_of_features",
    "loading": "Inspection ModelContext ModelFile PythonModel "
    "Untrusted inspect_model load_model write_model",
    "lowering": "KeptPlan Part asking_well open_asking",
    "references": "checked_model_name parse_any_reference parse_reference",
    "registering": "Prepared origin_of record_version with_plan",
    "registry": "Models",
    "signature": "Change Column Departure Inputs InvalidRows Output "
    "Problem Signature Table Type compatible infer_signature",
    "signing": "open_version",
    "tagging": "MAX_TAG WHOLE_MODEL",
    "versions": "DESCRIPTION ModelVersion",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "APPROVAL",
    "BUNDLE",
    "CANNOT_TELL",
    "CHAMPION",
    "DESCRIPTION",
    "FAILED",
    "MAX_EXPLAINED",
    "MAX_TAG",
    "PASSED",
    "WHOLE_MODEL",
    "AliasMove",
    "Answers",
    "Approval",
    "Asking",
    "Bundle",
    "Change",
    "Column",
    "Contribution",
    "Departure",
    "Example",
    "Explanation",
    "Inputs",
    "Inspection",
    "InvalidRows",
    "Judged",
    "KeptPlan",
    "ModelContext",
    "ModelFile",
    "ModelVersion",
    "Models",
    "Output",
    "Part",
    "Prepared",
    "Problem",
    "PythonModel",
    "Requirement",
    "Signature",
    "Table",
    "Type",
    "Untrusted",
    "alias_move",
    "alias_moves",
    "asking_well",
    "built_in_importances",
    "check_explained",
    "checked_model_name",
    "class_of",
    "compatible",
    "data_path",
    "definitions",
    "digest_of",
    "explanations",
    "final_of",
    "held_last",
    "infer_signature",
    "inspect_model",
    "is_bundle",
    "load_model",
    "look_ahead",
    "names_of_features",
    "open_asking",
    "open_version",
    "origin_of",
    "parse_any_reference",
    "parse_reference",
    "record_version",
    "requirement_for",
    "requirement_of",
    "why_unexplained",
    "with_plan",
    "write_model",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
