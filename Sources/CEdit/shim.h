#include <histedit.h>
#include <stdio.h>

// Swift cannot call functions with a variable number of arguments: one function for each form that is used.

typedef char *(*corral_prompt_function)(EditLine *);
typedef int (*corral_character_function)(EditLine *, wchar_t *);
typedef unsigned char (*corral_command_function)(EditLine *, int);

// On the process's own streams, which Swift calls shared mutable state.
static inline EditLine *corral_edit_open(const char *name) { return el_init(name, stdin, stdout, stderr); }

static inline int corral_edit_set_prompt(EditLine *editor, corral_prompt_function prompt, char escape) {
    // The character around sequences that take no columns.
    return el_set(editor, EL_PROMPT_ESC, prompt, escape);
}

static inline int corral_edit_set_editor(EditLine *editor, const char *name) {
    return el_set(editor, EL_EDITOR, name);
}

static inline int corral_edit_set_reader(EditLine *editor, corral_character_function reader) {
    return el_set(editor, EL_GETCFN, reader);
}

static inline int corral_edit_set_client(EditLine *editor, void *client) {
    return el_set(editor, EL_CLIENTDATA, client);
}

static inline void *corral_edit_client(EditLine *editor) {
    void *client = NULL;
    el_get(editor, EL_CLIENTDATA, &client);
    return client;
}

static inline int corral_edit_add_command(
    EditLine *editor, const char *name, const char *help, corral_command_function command
) {
    return el_set(editor, EL_ADDFN, name, help, command);
}

static inline int corral_edit_bind(EditLine *editor, const char *key, const char *command) {
    return el_set(editor, EL_BIND, key, command, NULL);
}

static inline int corral_edit_set_history(EditLine *editor, History *list) {
    return el_set(editor, EL_HIST, history, list);
}

// Takes the terminal's own editing off.
static inline int corral_edit_prepare(EditLine *editor) { return el_set(editor, EL_PREP_TERM, 1); }

static inline int corral_edit_refresh(EditLine *editor) { return el_set(editor, EL_REFRESH); }

static inline int corral_history_limit(History *list, int count) {
    HistEvent event;
    return history(list, &event, H_SETSIZE, count);
}

static inline int corral_history_unique(History *list) {
    HistEvent event;
    return history(list, &event, H_SETUNIQUE, 1);
}

static inline int corral_history_enter(History *list, const char *line) {
    HistEvent event;
    return history(list, &event, H_ENTER, line);
}
