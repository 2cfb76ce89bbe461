#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

dipper_status dp_fail(dp_diag *diag, dipper_status status, const char *format, ...) {
    if (diag != NULL && diag->status == DIPPER_OK) {
        va_list ap;
        va_start(ap, format);
        vsnprintf(diag->text, sizeof diag->text, format, ap);
        va_end(ap);
        diag->status = status;
    }
    return status;
}

void dp_diag_clear(dp_diag *diag) {
    diag->status = DIPPER_OK;
    diag->text[0] = '\0';
}
