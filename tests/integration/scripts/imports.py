"""Nothing but the import: what the stack prints by itself."""

import keras
