#include "native.h"
#include <string.h>

int native_answer(void) {
    return ANSWER + (int) strlen("");
}
