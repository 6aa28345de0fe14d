-- Imported readings are history: the rules are asked, and nobody is called.
alter table alerts.evaluation drop constraint evaluation_silence_check;
alter table alerts.evaluation add constraint evaluation_silence_check
    check (silence in ('too_late', 'not_measured', 'not_enrolled', 'imported'));
