"""Models behind HTTP: plain requests, MLflow's scoring protocol, the Open Inference Protocol.

POST /predict   GET /predict?age=41   POST /models/churn@champion/predict
POST /invocations   GET /ping   GET /version
GET  /v2/...   POST /v2/models/churn/infer
POST /feedback
GET  /models  /schema  /card  /openapi.json  /health  /livez  /readyz  /metrics
"""

from lite_mlops.web.predicting.app import prediction_app
from lite_mlops.web.predicting.health import Readiness
from lite_mlops.web.predicting.meter import Meter

__all__ = ["Meter", "Readiness", "prediction_app"]
